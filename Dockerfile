# cpu: built-in engine and Kokoro. cuda: PyTorch too, for Dia, Dia2 and CSM. Weights are in neither: /models keeps them.
FROM python:3.12-slim-bookworm AS packages

RUN useradd --create-home --uid 1000 studio \
    && install -d -o studio -g studio /data /models
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/models \
    STUDIO_DATA=/data \
    STUDIO_PORT=7860 \
    STUDIO_HOST=0.0.0.0
WORKDIR /app

# The packages are layers of their own: a change of our code does not install them again.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

VOLUME ["/data", "/models"]
EXPOSE 7860
# Asked from inside, without a key: nobody learns more from it than that the studio is up.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['STUDIO_PORT']), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
# It listens on every address, so it does not start without STUDIO_API_KEY, or STUDIO_PUBLIC=1.
CMD ["python", "app.py"]


FROM packages AS cuda

# A word of PyTorch's own index: cu126, cu128, ... or cpu.
ARG TORCH=cu128
COPY requirements-torch.lock ./
RUN pip install --require-hashes -r requirements-torch.lock \
    && pip install "torch>=2.6,<3" --index-url "https://download.pytorch.org/whl/${TORCH}"
COPY . .
USER 1000:1000


FROM packages AS cpu

COPY . .
USER 1000:1000
