// A definition as plain data, for the catalogue: functions are told by their presence alone.

// deno-lint-ignore no-explicit-any
type Any = any;

function plain(value: Any, depth = 0): Any {
  if (typeof value === "function") return { "@function": true };
  if (value instanceof RegExp) return String(value);
  if (typeof value !== "object" || value === null || depth > 12) return value;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, depth + 1)]));
}

function actionOf(slug: string, action: Any): Any {
  return {
    slug,
    title: action.title,
    description: action.description,
    platform: action.platform,
    hidden: action.hidden === true,
    defaultSubscription: action.defaultSubscription,
    supportsBatch: typeof action.performBatch === "function",
    syncModes: action.syncMode?.choices?.map((choice: Any) => choice.value) ?? [],
    hooks: plain(action.hooks ?? {}),
    fields: plain(action.fields ?? {}),
  };
}

export function describe(definition: Any): Any {
  return {
    name: definition.name,
    slug: definition.slug,
    mode: definition.mode,
    description: definition.description,
    supportsDelete: typeof definition.onDelete === "function",
    audience: definition.audienceConfig ? plain(definition.audienceConfig) : undefined,
    audienceFields: plain(definition.audienceFields ?? {}),
    authentication: {
      scheme: definition.authentication?.scheme ?? "none",
      testsAuthentication: typeof definition.authentication?.testAuthentication === "function",
      refreshes: typeof definition.authentication?.refreshAccessToken === "function",
      fields: plain(definition.authentication?.fields ?? {}),
    },
    presets: plain(definition.presets ?? []),
    actions: Object.entries(definition.actions).map(([slug, action]) => actionOf(slug, action)),
  };
}
