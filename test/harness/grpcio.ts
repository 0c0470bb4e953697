/** gRPC for Python and for Go. Invariant: test/require.sh has brought them. */
import { join } from "node:path";
import { fetched } from "./fetched.ts";

/** A directory for PYTHONPATH. */
export function grpcioPath(): Promise<string> {
  return fetched("grpcio");
}

/** The Go program that is a gRPC server or client. */
export async function goGrpcProgram(): Promise<string> {
  return join(await fetched("go-grpc"), "program");
}
