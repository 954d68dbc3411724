# docker build .                  the service: no GPU, no torch
# docker build --target gpu .     the same, and what an NVIDIA GPU needs (several GB)

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/frontispiece
COPY requirements/ requirements/
RUN pip install --require-hashes -r requirements/build.txt \
    && /opt/frontispiece/bin/pip install --require-hashes -r requirements/base.txt
COPY . .
RUN python -m hatchling build --target wheel \
    && /opt/frontispiece/bin/pip install --no-deps dist/*.whl

FROM build AS build-gpu
RUN /opt/frontispiece/bin/pip install --require-hashes -r requirements/gpu.txt

FROM python:3.13-slim AS base
ENV PATH=/opt/frontispiece/bin:$PATH HF_HOME=/data/models PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --create-home frontispiece \
    && install --directory --owner=frontispiece /data
COPY config.toml /etc/frontispiece/config.toml
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["frontispiece"]
CMD ["run", "--config", "/etc/frontispiece/config.toml", "--data", "/data", "--port", "8080"]

FROM base AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-gpu /opt/frontispiece /opt/frontispiece

FROM base AS service
COPY --from=build /opt/frontispiece /opt/frontispiece
