/** Integers become OTLP int values, other numbers doubles. */
export type AttributeValue = string | number | boolean | readonly string[];

/** One attribute; a list keeps the order in which attributes were stated. */
export type Attribute = readonly [key: string, value: AttributeValue];
