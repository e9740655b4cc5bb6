# The orchestrator: daemon, command line, and `haystack job` on Google Batch. The STACK worker has its own image in worker/.
ARG NODE_IMAGE=node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d

FROM ${NODE_IMAGE} AS packages
WORKDIR /opt/haystack
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

# `npm sbom --omit=dev` leaves out what a package for development needs too.
FROM packages AS bill
RUN npm pkg delete devDependencies && npm sbom --sbom-format=cyclonedx > sbom.cdx.json

FROM packages AS checkout
RUN npm ci --no-audit --no-fund
COPY . .

# What the browser gets.
FROM checkout AS window
RUN npm run build:web

# For compose.yaml, in place of Google Batch: a server of its protocol that runs the baseline for each job.
FROM checkout AS local-batch
USER node
ENTRYPOINT ["node", "tests/support/bucket-batch-main.ts"]

FROM ${NODE_IMAGE} AS orchestrator
ENV NODE_ENV=production HAYSTACK_DATA_DIR=/var/lib/haystack
WORKDIR /opt/haystack
RUN mkdir -p /var/lib/haystack && chown node:node /var/lib/haystack
COPY --from=packages /opt/haystack/node_modules node_modules
COPY --from=bill /opt/haystack/sbom.cdx.json ./
COPY package.json *.ts ./
COPY actors actors
COPY adapters adapters
COPY bin bin
COPY cli cli
COPY config config
COPY insight insight
COPY machines machines
COPY science science
COPY server server
COPY services services
COPY --from=window /opt/haystack/web/built web/built
USER node
VOLUME /var/lib/haystack
# Reached from outside with HTTP_HOST=0.0.0.0 and AUTH=token or AUTH=iap; without them it answers inside its container only.
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "bin/healthy.mjs"]
# SIGTERM drains the daemon: leases are given back within GRACE_SECONDS.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "bin/haystack.mjs"]
CMD ["serve"]
