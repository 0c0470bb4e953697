/** The version of this build; package.json is the only place where it is written down. */
import { version } from "../package.json";

export const VERSION: string = version;
