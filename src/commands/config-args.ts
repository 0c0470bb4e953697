/** The flags by which a command is told its configuration; apart, as the root has them too. */

export const configArgs = {
  config: { type: "string", valueHint: "FILE", description: "one YAML file" },
  "config-dir": {
    type: "string",
    valueHint: "DIR",
    description: "base.yaml, traces.yaml, logs.yaml of a directory, merged",
  },
} as const;
