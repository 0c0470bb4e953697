//go:build cgo

package main

// #include <stdio.h>
// static void hello(void) { puts("libc's stdio"); fflush(stdout); }
import "C"

func greeting() string {
	C.hello()
	return "with cgo"
}
