// An independent ActivityPub server for fedblog's tests, made with Fedify: it keeps everything in
// memory, listens on loopback, and is led through /control/. Its people act through Fedify; what
// arrives is verified by Fedify, and /control/view says what came and how it was proven.
//
//   node server.mjs [HOST:PORT]      port 0, the default, takes a free one; the first line printed
//                                    is the base URL. It ends when its standard input does.

import "./node20.mjs";
import { createServer } from "node:http";
import { Temporal } from "@js-temporal/polyfill";
import {
  Activity,
  Announce,
  Block,
  Create,
  createFederation,
  CryptographicKey,
  Delete,
  Dislike,
  EmojiReact,
  Endpoints,
  Flag,
  Follow,
  getDocumentLoader,
  getTypeId,
  InProcessMessageQueue,
  isActor,
  Like,
  MemoryKvStore,
  Mention,
  Note,
  Person,
  PUBLIC_COLLECTION,
  signRequest,
  Tombstone,
  Undo,
  Update,
  verifyObject,
  verifyRequest,
} from "@fedify/fedify";

const CAVAGE = "draft-cavage-http-signatures-12";
const SCHEMES = { cavage: CAVAGE, rfc9421: "rfc9421" };

// --- state -------------------------------------------------------------------------------------

const keysOfName = new Map(); // making keys takes its time: kept over a reset
const state = {};

async function keyPairs(name, kinds) {
  const pairs = [];
  for (const kind of kinds) {
    const known = `${name} ${kind}`;
    if (!keysOfName.has(known)) {
      const algorithm = kind === "ed25519" ? "Ed25519" : {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      };
      keysOfName.set(known, await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]));
    }
    pairs.push(keysOfName.get(known));
  }
  return pairs;
}

function reset({ firstKnock = "cavage", demandSigned = true, implemented = [] } = {}) {
  state.stop?.abort();
  Object.assign(state, {
    forwardTo: null, // the actor to whom what reaches a personal inbox is forwarded
    refused: {}, // by method the scheme that is answered 401: "cavage", "rfc9421" or "first"
    demandSigned, // whether people and notes are given to signed requests alone
    implemented, // what its people's documents say that is verified here (FEP-844e)
    people: new Map(),
    notes: new Map(),
    sent: new Map(), // activities by id, to be undone
    met: new Map(), // actors that were looked up, kept as servers keep them
    counter: 0,
    received: [], // POSTs to inboxes: how proven, how answered
    fetched: [], // GETs
    heard: [], // what Fedify's listeners were given
    sendErrors: [],
    posted: [], // signed POSTs by Fedify and what they were answered
    exchanges: [], // all of it as it came over the wire
    stop: new AbortController(),
  });
  state.federation = federationOf(SCHEMES[firstKnock]);
  state.queue = state.federation.startQueue(null, { signal: state.stop.signal });
}

// --- the server that Fedify makes ----------------------------------------------------------------

function federationOf(firstKnock) {
  const federation = createFederation({
    kv: new MemoryKvStore(),
    queue: new InProcessMessageQueue({ pollInterval: { milliseconds: 50 } }),
    manuallyStartQueue: true,
    allowPrivateAddress: true,
    firstKnock,
    outboxRetryPolicy: () => null,
    onOutboxError: (error) => state.sendErrors.push(String(error)),
  });
  const mayRead = async (ctx) => !state.demandSigned || (await ctx.getSignedKey()) != null;
  federation
    .setActorDispatcher("/people/{identifier}", personOf)
    .setKeyPairsDispatcher((_ctx, name) => {
      const person = state.people.get(name);
      return person ? keyPairs(name, person.keys) : [];
    })
    .authorize(mayRead);
  federation
    .setObjectDispatcher(Note, "/people/{identifier}/notes/{id}", (ctx, values) =>
      state.notes.get(ctx.getObjectUri(Note, values).href) ?? null)
    .authorize(mayRead);
  federation.setFollowersDispatcher("/people/{identifier}/followers", () => ({ items: [] }));
  federation
    .setInboxListeners("/people/{identifier}/inbox", "/inbox")
    .on(Activity, async (ctx, activity) => {
      state.heard.push(await described(ctx, activity));
      if (state.forwardTo && ctx.recipient) {
        const { documentLoader } = ctx;
        const target = await ctx.lookupObject(state.forwardTo, { documentLoader });
        await ctx.forwardActivity({ identifier: ctx.recipient }, target, { skipIfUnsigned: true });
      }
    });
  return federation;
}

async function personOf(ctx, name) {
  const person = state.people.get(name);
  if (!person) return null;
  const keys = await ctx.getActorKeyPairs(name);
  return new Person({
    id: ctx.getActorUri(name),
    preferredUsername: name,
    name: person.name,
    summary: person.summary,
    inbox: ctx.getInboxUri(name),
    endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
    followers: ctx.getFollowersUri(name),
    url: new URL(`/@${name}`, ctx.origin),
    publicKey: keys[0].cryptographicKey,
    assertionMethods: keys.map((key) => key.multikey),
  });
}

function loadersOf(ctx) {
  return { documentLoader: ctx.documentLoader, contextLoader: ctx.contextLoader };
}

// A thing of the vocabulary as Fedify's own properties show it.
async function described(ctx, thing) {
  if (thing == null) return null;
  const options = { ...loadersOf(ctx), suppressError: true };
  const shown = {
    type: getTypeId(thing).href.split(/[#/]/).pop(),
    id: thing.id?.href ?? null,
    name: thing.name?.toString() ?? null,
    content: thing.content?.toString() ?? null,
    summary: thing.summary?.toString() ?? null,
    url: thing.url?.href?.href ?? thing.url?.href ?? null,
    published: thing.published?.toString() ?? null,
    updated: thing.updated?.toString() ?? null,
    attributions: (thing.attributionIds ?? []).map(String),
    to: (thing.toIds ?? []).map(String),
    cc: (thing.ccIds ?? []).map(String),
    replyTarget: thing.replyTargetId?.href ?? null,
  };
  if (thing instanceof Activity) {
    shown.actor = thing.actorId?.href ?? null;
    shown.objectId = thing.objectId?.href ?? null;
    shown.object = await described(ctx, await thing.getObject(options));
  }
  if (isActor(thing)) {
    shown.preferredUsername = thing.preferredUsername?.toString() ?? null;
    shown.inbox = thing.inboxId?.href ?? null;
    shown.sharedInbox = thing.endpoints?.sharedInbox?.href ?? null;
    shown.publicKeys = [];
    for await (const key of thing.getPublicKeys(options)) {
      shown.publicKeys.push({ id: key.id?.href, algorithm: key.publicKey?.algorithm.name });
    }
    shown.assertionMethods = [];
    for await (const key of thing.getAssertionMethods(options)) {
      shown.assertionMethods.push({ id: key.id?.href, algorithm: key.publicKey?.algorithm.name });
    }
  }
  return shown;
}

// --- what comes in -------------------------------------------------------------------------------

function schemeOf(request) {
  if (request.headers.has("signature-input")) return "rfc9421";
  return request.headers.has("signature") ? "cavage" : "none";
}

// Whether *scheme* is the one that is refused; with "first", the first that came is.
function isRefused(method, scheme) {
  if (scheme === "none") return false;
  if (state.refused[method] === "first") state.refused[method] = scheme;
  return state.refused[method] === scheme;
}

async function quietly(work) {
  try {
    return await work();
  } catch (error) {
    state.sendErrors.push(`verifying: ${error}`);
    return null;
  }
}

// The key that signed, from its owner's assertionMethod. Fedify looks for the keys of HTTP signatures
// in publicKey alone (fetchKey in its sig/key.ts), and Ed25519 keys do not stand there.
async function multikeyOf(ctx, request) {
  const keyId = /;keyid="([^"]+)"/.exec(request.headers.get("signature-input") ?? "")?.[1];
  if (keyId == null) return null;
  const loaders = loadersOf(ctx);
  const owner = await ctx.lookupObject(keyId.split("#")[0], loaders);
  if (!isActor(owner)) return null;
  for await (const key of owner.getAssertionMethods(loaders)) {
    if (key.id?.href !== keyId || key.controllerId?.href !== owner.id.href) continue;
    return new CryptographicKey({ id: key.id, owner: owner.id, publicKey: key.publicKey });
  }
  return null;
}

// How Fedify's verifiers judge a request, each asked by itself. (Its inbox takes a valid proof and
// then does not look at the HTTP signature.)
async function judged(ctx, request) {
  const loaders = loadersOf(ctx);
  const key = await quietly(() => verifyRequest(request.clone(), loaders));
  const found = {
    method: request.method,
    path: new URL(request.url).pathname,
    scheme: schemeOf(request),
    userAgent: request.headers.get("user-agent"),
    isVerified: key != null,
    keyId: key?.id?.href ?? null,
    keyOwner: key?.ownerId?.href ?? null,
  };
  found.isVerifiedByMultikey = false;
  if (key == null && found.scheme === "rfc9421") {
    const multikey = await quietly(() => multikeyOf(ctx, request));
    if (multikey != null) {
      const keyCache = { get: async () => multikey, set: async () => {} };
      const byIt = await quietly(() => verifyRequest(request.clone(), { ...loaders, keyCache }));
      found.isVerifiedByMultikey = byIt != null;
    }
  }
  if (request.method !== "POST") return found;
  const json = await quietly(() => request.clone().json());
  found.activity = json;
  found.hasProof = json?.proof != null;
  found.isProofVerified = false;
  if (found.hasProof) {
    const { signature: _, ...document } = json; // as Fedify's inbox does
    const proven = await quietly(() => verifyObject(Activity, document, loaders));
    found.isProofVerified = proven != null;
  }
  return found;
}

async function answer(request) {
  const url = new URL(request.url);
  if (url.pathname.startsWith("/control/")) return await control(request, url);
  const ctx = state.federation.createContext(request, null);
  const isPost = request.method === "POST";
  const found = isPost || schemeOf(request) !== "none"
    ? await judged(ctx, request)
    : {
      method: request.method,
      path: url.pathname,
      scheme: "none",
      userAgent: request.headers.get("user-agent"),
      isVerified: false,
    };
  const notFound = () => new Response("nothing here", { status: 404 });
  let response;
  if (isRefused(request.method, found.scheme)) {
    response = new Response("another signature scheme, please", { status: 401 });
  } else if (state.sent.has(url.href)) {
    const json = await state.sent.get(url.href).toJsonLd({ contextLoader: ctx.contextLoader });
    response = Response.json(json, { headers: { "Content-Type": "application/activity+json" } });
  } else {
    const onUnauthorized = () => new Response("sign the request", { status: 401 });
    response = await state.federation.fetch(request, {
      contextData: null,
      onNotFound: notFound,
      onNotAcceptable: () => new Response("ask for ActivityPub", { status: 406 }),
      onUnauthorized,
    });
  }
  if (state.implemented.length && response.ok && /^\/people\/[^/]+$/.test(url.pathname)) {
    const implemented = state.implemented.map((href) => ({ href }));
    const generator = { type: "Application", implements: implemented };
    const { headers } = response;
    response = Response.json({ ...(await response.json()), generator }, { headers });
  }
  (isPost ? state.received : state.fetched).push({ ...found, status: response.status });
  return response;
}

// --- what goes out -------------------------------------------------------------------------------

const fetchAsIs = globalThis.fetch;

// Fedify signs a Request and gives it to fetch(); the scheme and the answer are noted here.
globalThis.fetch = async (request, options) => {
  const response = await fetchAsIs(request, options);
  if (request instanceof Request && request.method === "POST") {
    state.posted.push({ url: request.url, scheme: schemeOf(request), status: response.status });
  }
  return response;
};

// --- what its people do --------------------------------------------------------------------------

function contextOf(base) {
  return state.federation.createContext(new URL(base), null);
}

function addPerson(base, { name, display = name, summary = "", keys = ["rsa", "ed25519"] }) {
  state.people.set(name, { name: display, summary, keys });
  return { uri: contextOf(base).getActorUri(name).href };
}

async function look(base, { as, url }) {
  const ctx = contextOf(base);
  const documentLoader = as
    ? await ctx.getDocumentLoader({ identifier: as })
    : getDocumentLoader({ allowPrivateAddress: true });
  const found = await ctx.lookupObject(url, { documentLoader, contextLoader: ctx.contextLoader });
  return await described(ctx, found);
}

async function webfinger(base, { resource }) {
  const ctx = contextOf(base);
  return await ctx.lookupWebFinger(resource);
}

// One act of a person. Gives the ids of the activity and of its note.
async function act(base, request) {
  const { person, does, target, to, isShared = false } = request;
  const ctx = contextOf(base);
  const actor = ctx.getActorUri(person);
  const number = ++state.counter;
  const id = new URL(`/activities/${number}`, base);
  const documentLoader = await ctx.getDocumentLoader({ identifier: person });
  const recipient = state.met.get(to) ?? (await ctx.lookupObject(to, { documentLoader }));
  if (!isActor(recipient)) throw new Error(`${to} is no actor for Fedify`);
  state.met.set(to, recipient);
  const common = { id, actor, to: PUBLIC_COLLECTION, cc: recipient.id };
  const object = target ? new URL(target) : null;
  const now = Temporal.Now.instant();
  const makers = {
    follow: () => new Follow({ id, actor, object }),
    like: () => new Like({ id, actor, object, to: recipient.id }),
    dislike: () => new Dislike({ id, actor, object, to: recipient.id }),
    react: () => new EmojiReact({ id, actor, object, content: request.content, to: recipient.id }),
    boost: () => new Announce({ ...common, object, published: now }),
    block: () => new Block({ id, actor, object }),
    flag: () => new Flag({ id, actor, object, content: request.content }),
    undo: () => new Undo({ id, actor, object: state.sent.get(target), to: recipient.id }),
    reply: () => {
      const values = { identifier: person, id: String(number) };
      const note = new Note({
        id: ctx.getObjectUri(Note, values),
        attribution: actor,
        content: request.content,
        replyTarget: object,
        published: now,
        to: PUBLIC_COLLECTION,
        cc: recipient.id,
        tags: [new Mention({ href: recipient.id, name: `@${recipient.preferredUsername}` })],
      });
      state.notes.set(note.id.href, note);
      return new Create({ ...common, object: note, published: now });
    },
    edit: () => {
      const note = state.notes.get(target).clone({ content: request.content, updated: now });
      state.notes.set(target, note);
      return new Update({ ...common, object: note, updated: now });
    },
    delete: () => {
      state.notes.delete(target);
      return new Delete({ ...common, object: new Tombstone({ id: object }) });
    },
    rename: async () => {
      state.people.get(person).name = request.content;
      return new Update({ ...common, object: await personOf(ctx, person), updated: now });
    },
    "delete account": () => new Delete({ ...common, object: actor }),
  };
  const activity = await makers[does]();
  state.sent.set(id.href, activity);
  await ctx.sendActivity({ identifier: person }, recipient, activity, {
    preferSharedInbox: isShared,
    ...(does === "delete account" ? { immediate: true } : {}),
  });
  if (does === "delete account") state.people.delete(person);
  return { id: id.href, object: activity.objectId?.href ?? null };
}

// Whether Fedify can sign a request by *person*'s Ed25519 key: the error that it gives, or null.
async function errorOfEd25519(base, { person }) {
  const keys = await contextOf(base).getActorKeyPairs(person);
  const { privateKey, multikey } = keys.find((key) => key.privateKey.algorithm.name === "Ed25519");
  const request = new Request(new URL("/inbox", base), { method: "POST", body: "{}" });
  try {
    await signRequest(request, privateKey, multikey.id, { spec: "rfc9421" });
    return { error: null };
  } catch (error) {
    return { error: String(error) };
  }
}

async function control(request, url) {
  const base = url.origin;
  const name = url.pathname.slice("/control/".length);
  const given = request.method === "POST" ? await request.json() : {};
  const doors = {
    reset: () => reset(given) ?? {},
    person: () => addPerson(base, given),
    act: () => act(base, given),
    look: () => look(base, given),
    webfinger: () => webfinger(base, given),
    "sign-by-ed25519": () => errorOfEd25519(base, given),
    forward: () => {
      state.forwardTo = given.to;
      return {};
    },
    refuse: () => {
      state.refused[given.method] = given.scheme;
      return {};
    },
    view: () => ({
      received: state.received,
      fetched: state.fetched,
      heard: state.heard,
      sendErrors: state.sendErrors,
      posted: state.posted,
    }),
    exchanges: () => state.exchanges,
  };
  try {
    return Response.json(await doors[name]());
  } catch (error) {
    return Response.json({ error: String(error?.stack ?? error) }, { status: 500 });
  }
}

// --- the socket ----------------------------------------------------------------------------------

async function serve(incoming, outgoing, base) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }
  const hasBody = !["GET", "HEAD"].includes(incoming.method);
  const request = new Request(new URL(incoming.url, base), {
    method: incoming.method,
    headers,
    ...(hasBody ? { body } : {}),
  });
  const at = new Date().toISOString();
  const response = await answer(request);
  const answered = Buffer.from(await response.arrayBuffer());
  if (!incoming.url.startsWith("/control/")) {
    const pairs = [];
    for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
      pairs.push([incoming.rawHeaders[i].toLowerCase(), incoming.rawHeaders[i + 1]]);
    }
    state.exchanges.push({
      at,
      request: {
        method: incoming.method,
        target: incoming.url,
        headers: pairs,
        body: body.toString("utf8"),
      },
      response: {
        status: response.status,
        headers: [...response.headers],
        body: answered.toString("utf8"),
      },
    });
  }
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(answered);
}

const [host, port] = (process.argv[2] ?? "127.0.0.1:0").split(":");
let base = "";
const server = createServer((incoming, outgoing) => {
  serve(incoming, outgoing, base).catch((error) => {
    outgoing.writeHead(500, { "Content-Type": "text/plain" });
    outgoing.end(String(error?.stack ?? error));
  });
});
reset();
server.listen(Number(port), host, () => {
  base = `http://${host}:${server.address().port}`;
  console.log(base);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
