// Whether the daemon of this container answers: exit 0 or 1. For the health checks of engines, as images of the OCI format keep none.
const port = process.env.HTTP_PORT || 8080;
const answer = await fetch(`http://127.0.0.1:${port}/livez`).catch(() => undefined);
process.exitCode = answer?.ok ? 0 : 1;
