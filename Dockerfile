# The orchestrator: daemon, command line, and `haystack job` on Google Batch. The STACK worker has its own image in worker/.
FROM node:24-bookworm-slim
ENV NODE_ENV=production HAYSTACK_DATA_DIR=/var/lib/haystack
WORKDIR /opt/haystack
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY . .
RUN mkdir -p /var/lib/haystack && chown node:node /var/lib/haystack
USER node
VOLUME /var/lib/haystack
# Reached from outside with HTTP_HOST=0.0.0.0 and AUTH=token or AUTH=iap; without them it answers inside its container only.
EXPOSE 8080
# SIGTERM drains the daemon: leases are given back within GRACE_SECONDS.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "cli/haystack.ts"]
CMD ["serve"]
