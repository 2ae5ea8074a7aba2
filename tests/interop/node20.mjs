// What Fedify takes from Node 22 and Node 20 does not have. Imported before Fedify.

ArrayBuffer.prototype.transfer ??= function transfer(length = this.byteLength) {
  const copy = new Uint8Array(length);
  copy.set(new Uint8Array(this, 0, Math.min(length, this.byteLength)));
  return copy.buffer;
};

globalThis.navigator ??= { hardwareConcurrency: 1, userAgent: `Node.js/${process.versions.node}` };
