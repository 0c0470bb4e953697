/** The span is that of any HTTP: ../http/describe.ts. */
export { describeHttp as describe } from "../http/describe.ts";
