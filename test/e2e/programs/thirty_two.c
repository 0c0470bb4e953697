/* For a 32-bit program without the headers and start files that other architectures need:
 * the loader has started the C library before it comes here. */
int puts(const char *text);
void exit(int code) __attribute__((noreturn));

void _start(void) {
    puts("thirty-two");
    exit(7);
}
