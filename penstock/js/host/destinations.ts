// One Destination object per metadata id, made on its first call; it never keeps a response.
import { Destination, loaders } from "penstock-destinations";

import { keepResponse } from "./call.ts";
import { BODY_LIMIT } from "./response.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

export interface Loaded {
  destination: Any;
  definition: Any;
  passwordFields: Set<string>;
  cache: Cache;
}

// Some definitions keep small things between calls (Engage SendGrid); bounded, one per destination object.
export class Cache {
  readonly maxExpirySeconds = 600;
  readonly maxValueSizeBytes = 1_000_000;
  private readonly entries = new Map<string, { value: string; until: number }>();

  getByKey(key: string): Promise<string | null> {
    const entry = this.entries.get(key);
    return Promise.resolve(entry && entry.until > Date.now() ? entry.value : null);
  }

  setByKey(key: string, value: string, expirySeconds = this.maxExpirySeconds): Promise<boolean> {
    this.entries.delete(key);
    if (this.entries.size >= 100) this.entries.delete(this.entries.keys().next().value as string);
    const seconds = Math.min(expirySeconds, this.maxExpirySeconds);
    this.entries.set(key, { value, until: Date.now() + seconds * 1000 });
    return Promise.resolve(true);
  }

  async setByKeyNX(key: string, value: string, expirySeconds?: number): Promise<boolean> {
    if ((await this.getByKey(key)) !== null) return false;
    return this.setByKey(key, value, expirySeconds);
  }

  delByKey(key: string): Promise<number> {
    return Promise.resolve(this.entries.delete(key) ? 1 : 0);
  }
}

const loadedById = new Map<string, Loaded>();

export function ids(): string[] {
  return Object.keys(loaders);
}

export function loadedCount(): number {
  return loadedById.size;
}

export function load(id: string): Loaded | undefined {
  const known = loadedById.get(id);
  if (known) return known;
  if (!Object.hasOwn(loaders, id)) return undefined;
  const definition = loaders[id]();
  const bounded = {
    ...definition,
    // A receiver may answer without end; node-fetch stops reading here.
    extendRequest: (data: Any) => ({ size: BODY_LIMIT, ...definition.extendRequest?.(data) }),
  };
  const destination = new Destination(bounded);
  destination.responses = [];
  destination.responses.push = () => 0;
  for (const action of Object.values(destination.actions) as Any[]) action.on("response", keepResponse);
  markSettingsErrors(destination);
  const fields = definition.authentication?.fields ?? {};
  const passwordFields = new Set(Object.keys(fields).filter((key) => fields[key].type === "password"));
  const loaded = { destination, definition, passwordFields, cache: new Cache() };
  loadedById.set(id, loaded);
  return loaded;
}

// The library throws the same error for bad settings and for a bad payload; only the place tells them apart.
function markSettingsErrors(destination: Any): void {
  const validate = destination.validateSettings.bind(destination);
  destination.validateSettings = (settings: Any) => {
    try {
      validate(settings);
    } catch (error) {
      (error as Any).penstockPhase = "settings";
      throw error;
    }
  };
}
