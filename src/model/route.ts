/** How requests are named after their paths. */

/** One segment of a template: a text, or what stands around its placeholder. */
export interface RouteSegment {
  readonly prefix: string;
  readonly suffix: string;
  readonly hasPlaceholder: boolean;
}

/** A route that the configuration names. */
export interface RouteTemplate {
  /** As it is written, and as it is told. */
  readonly text: string;
  readonly segments: readonly RouteSegment[];
  /** It ends with *: at least one more segment of any kind follows. */
  readonly isOpen: boolean;
  /** Services it is for, with * and ?; undefined = all. */
  readonly service: string | undefined;
}

export interface RouteSettings {
  readonly templates: readonly RouteTemplate[];
  /** Paths that no template fits are named by what olly learns of them. */
  readonly learn: boolean;
  /** Spans of clients, too. */
  readonly clients: boolean;
}
