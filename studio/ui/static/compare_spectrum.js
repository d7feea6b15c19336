// Spectrograms: time to the right, 0 to 8 kHz upwards, darker where it is louder. Asks nobody, knows no page.
const SPECTRUM = { wide: 480, tall: 96, hertz: 8000, decibels: 70, frame: 1024, least: 1e-2 }; // least: 70 dB below full scale

// In place: 2 ** n samples as amplitudes of frequencies (Cooley and Tukey).
function transform(real, imaginary) {
  const size = real.length;
  for (let at = 1, mirror = 0; at < size; at++) {
    let bit = size >> 1;
    for (; mirror & bit; bit >>= 1) mirror ^= bit;
    mirror ^= bit;
    if (at < mirror) [real[at], real[mirror]] = [real[mirror], real[at]];
  }
  for (let half = 1; half < size; half *= 2) {
    for (let step = 0; step < half; step++) {
      const [cos, sin] = [Math.cos((Math.PI * step) / half), -Math.sin((Math.PI * step) / half)];
      for (let at = step; at < size; at += 2 * half) {
        const [re, im] = [
          real[at + half] * cos - imaginary[at + half] * sin,
          real[at + half] * sin + imaginary[at + half] * cos,
        ];
        [real[at + half], imaginary[at + half]] = [real[at] - re, imaginary[at] - im];
        [real[at], imaginary[at]] = [real[at] + re, imaginary[at] + im];
      }
    }
  }
}

// The power at each height of the picture around one moment of a sound, from 0 Hz up.
function powers(samples, rate, middle) {
  const { frame, tall, hertz } = SPECTRUM;
  const [real, imaginary] = [new Float64Array(frame), new Float64Array(frame)];
  const first = Math.round(middle - frame / 2);
  for (let at = 0; at < frame; at++)
    real[at] = (samples[first + at] || 0) * (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / frame));
  transform(real, imaginary);
  return Float64Array.from({ length: tall }, (_, row) => {
    const [from, till] = [row, row + 1].map((edge) => Math.round((edge * hertz * frame) / (tall * rate)));
    let most = 0;
    for (let bin = from; bin < Math.max(from + 1, till); bin++)
      most = Math.max(most, bin < frame / 2 ? real[bin] ** 2 + imaginary[bin] ** 2 : 0);
    return most;
  });
}

// The sound as a picture in black of many strengths on nothing; a dark page turns it white. seconds: the whole width.
function spectrogram(buffer, seconds) {
  const { wide, tall, decibels } = SPECTRUM;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height, canvas.className] = [wide, tall, "compare-spectrum"];
  canvas.setAttribute("aria-hidden", "true");
  const samples = buffer.getChannelData(0);
  const columns = Math.max(1, Math.round((wide * buffer.duration) / seconds));
  const found = Array.from({ length: columns }, (_, column) =>
    powers(samples, buffer.sampleRate, ((column + 0.5) * buffer.length) / columns),
  );
  const loudest = found.reduce((most, column) => column.reduce((one, two) => Math.max(one, two), most), SPECTRUM.least);
  const brush = canvas.getContext("2d");
  const picture = brush.createImageData(Math.min(wide, columns), tall);
  found.slice(0, picture.width).forEach((column, x) =>
    column.forEach((power, row) => {
      const strength = 1 + (10 * Math.log10(Math.max(power, 1e-12) / loudest)) / decibels;
      picture.data[((tall - 1 - row) * picture.width + x) * 4 + 3] = 255 * Math.max(0, strength) ** 1.5;
    }),
  );
  brush.putImageData(picture, 0, 0);
  return canvas;
}
