# Airflow with this project, for docker-compose.yaml: PostgreSQL and the LocalExecutor.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/opt/airflow \
    USER=airflow \
    AIRFLOW_HOME=/opt/airflow \
    TWITTER_DATA=/opt/project/data

# Any user of group 0 may run it, so that the files in data/ can belong to whoever starts it.
RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow airflow \
    && install --directory --owner=airflow --group=0 --mode=775 \
        /opt/airflow /opt/airflow/logs /opt/project /opt/project/data
WORKDIR /opt/project

# Only the image talks to PostgreSQL, so its drivers are pinned here.
COPY requirements.txt ./
RUN pip install -r requirements.txt asyncpg==0.32.0 psycopg2-binary==2.9.13

COPY pyproject.toml README.md LICENSE ./
COPY include include
RUN pip install --no-deps .

COPY scripts/prepare_database.py scripts/
COPY plugins plugins
COPY dags dags

USER airflow
CMD ["airflow", "version"]
