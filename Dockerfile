# docker build -t dialogue-studio . && docker run --rm -p 7860:7860 -v dialogue-studio:/data dialogue-studio
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 studio && install -d -o studio -g studio /app /data
USER studio
WORKDIR /app

# The packages are a layer of their own: a change of our code does not install them again.
COPY --chown=studio requirements.lock ./
RUN pip install --user --no-cache-dir --no-warn-script-location --require-hashes -r requirements.lock
COPY --chown=studio . .

# Inside a container the page must listen on every address; -p above decides who can reach it.
ENV STUDIO_HOST=0.0.0.0 STUDIO_PUBLIC=1 STUDIO_DATA=/data PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860
CMD ["python", "app.py"]
