"""One HTTPS request through libcurl-nss, whose TLS is NSS: curl_nss.py URL"""

import ctypes
import sys

URL = 10002
VERIFY_PEER = 64
VERIFY_HOST = 81
WRITE_FUNCTION = 20011
ERROR_BUFFER = 10010

curl = ctypes.CDLL("libcurl-nss.so.4")
curl.curl_easy_init.restype = ctypes.c_void_p
handle = ctypes.c_void_p(curl.curl_easy_init())


@ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t,
                  ctypes.c_size_t, ctypes.c_void_p)
def write(text, size, count, _):
    sys.stdout.write(text[: size * count].decode())
    return size * count


error = ctypes.create_string_buffer(256)
curl.curl_easy_setopt(handle, URL, sys.argv[1].encode())
curl.curl_easy_setopt(handle, VERIFY_PEER, ctypes.c_long(0))
curl.curl_easy_setopt(handle, VERIFY_HOST, ctypes.c_long(0))
curl.curl_easy_setopt(handle, WRITE_FUNCTION, write)
curl.curl_easy_setopt(handle, ERROR_BUFFER, error)
code = curl.curl_easy_perform(handle)
if code != 0:
    print(error.value.decode(), file=sys.stderr)
sys.exit(code)
