# Two images: `--target backend` (the default), which also runs the example bookshop, and `--target collector`. Both run as a user without rights, with a
# root file system that may be read-only; what they keep lies in the volume.

FROM golang:1.25-alpine AS collector-build
WORKDIR /src
COPY collector-config/builder/go.mod collector-config/builder/go.sum ./
RUN go mod download
COPY collector-config/builder/*.go ./
RUN GOFLAGS="-mod=readonly -buildvcs=false" CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /collector .

FROM alpine:3.22 AS collector
RUN apk add --no-cache ca-certificates \
 && adduser -D -H -u 10001 collector \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/spanledger
COPY --from=collector-build /collector /usr/local/bin/collector
COPY collector-config/*.yaml /etc/spanledger/
USER 10001
VOLUME /var/lib/spanledger
ENTRYPOINT ["/usr/local/bin/collector", "--feature-gates=+processor.tailsamplingprocessor.recordpolicy,+processor.tailsamplingprocessor.metricstatcountspanssampled"]

FROM python:3.13-slim-bookworm AS wheel
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sdk sdk
COPY backend backend
COPY dashboards/web dashboards/web
COPY examples examples
RUN pip wheel --no-cache-dir --no-deps -w /wheels . \
 && python -m venv /opt/spanledger \
 && /opt/spanledger/bin/pip install --no-cache-dir -c constraints.txt "$(ls /wheels/*.whl)[server,audio]"

FROM python:3.13-slim-bookworm AS backend
RUN useradd --no-create-home --uid 10002 --shell /usr/sbin/nologin spanledger \
 && install -d -o 10002 -g 10002 -m 0700 /data
COPY --from=wheel /opt/spanledger /opt/spanledger
ENV PATH=/opt/spanledger/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SPANLEDGER_HOST=0.0.0.0 SPANLEDGER_DATA_DIR=/data
USER 10002
VOLUME /data
EXPOSE 8321 4317 4318
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8321/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["spanledger"]
CMD ["serve"]
