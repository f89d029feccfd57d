/** Writes down a canvas, line by line, in CSS pixels times `scale`. */
export class Pen {
  constructor(canvas, { scale, margin, width, font }) {
    Object.assign(this, { scale, margin, width, font, y: margin, ctx: canvas.getContext("2d") });
  }

  /** A paragraph; what stands between asterisks is bold. `indent` leaves room for a mark before it. */
  write(words, { size, height, colour, indent = 0 }) {
    const { ctx, scale } = this;
    const left = this.margin + indent;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillStyle = colour;
    let x = left;
    for (const { word, bold } of tokens(words)) {
      ctx.font = `${bold ? 700 : 400} ${size * scale}px ${this.font}`;
      const length = ctx.measureText(word).width / scale;
      if (x > left && x + length > this.width - this.margin) {
        x = left - (length - ctx.measureText(word.trimStart()).width / scale);
        this.y += height;
      }
      ctx.fillText(word, x * scale, (this.y + height / 2) * scale);
      x += length;
    }
    this.y += height;
  }

  image(canvas, height) {
    const { ctx, scale, margin } = this;
    ctx.drawImage(canvas, margin * scale, this.y * scale, (this.width - 2 * margin) * scale, height * scale);
    this.y += height;
  }

  skip(height) {
    this.y += height;
  }
}

/** Words with the space behind them. */
function tokens(text) {
  return text.split("*").flatMap((part, i) => (part.match(/ *[^ ]+ */g) ?? []).map(word => ({ word, bold: i % 2 === 1 })));
}
