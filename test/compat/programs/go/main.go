// Go's net/http, net, os/exec and files; libc prints a line when it is built with cgo.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

func must(err error) {
	if err != nil {
		fmt.Println("unexpected", err)
		os.Exit(1)
	}
}

func digest(data []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(data))[:16]
}

var large = bytes.Repeat([]byte("0123456789abcdefg"), 100_000)

func answer(writer http.ResponseWriter, request *http.Request) {
	switch request.URL.Path {
	case "/echo":
		_, err := io.Copy(writer, request.Body)
		must(err)
	case "/chunks":
		for at := 0; at < 200; at++ {
			fmt.Fprint(writer, strings.Repeat(fmt.Sprint(at), at))
			writer.(http.Flusher).Flush()
		}
	case "/never":
		<-request.Context().Done()
	default:
		http.NotFound(writer, request)
	}
}

func get(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return "error"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(err)
	return fmt.Sprint(response.StatusCode, " ", len(body), " ", digest(body))
}

func web(name string, server *httptest.Server) {
	client := server.Client()
	response, err := client.Post(server.URL+"/echo", "text/plain", bytes.NewReader(large))
	must(err)
	body, err := io.ReadAll(response.Body)
	must(err)
	fmt.Println(name, response.Proto, bytes.Equal(body, large))
	fmt.Println(name, get(client, server.URL+"/missing"), get(client, server.URL+"/chunks"))
	var group sync.WaitGroup
	answers := make([]string, 40)
	for at := range answers {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			answers[at] = get(client, server.URL+"/chunks")
		}(at)
	}
	group.Wait()
	fmt.Println(name, digest([]byte(strings.Join(answers, ","))))
	within, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(within, "GET", server.URL+"/never", nil)
	must(err)
	_, err = client.Do(request)
	fmt.Println(name, errors.Is(err, context.DeadlineExceeded))
	server.CloseClientConnections()
	server.Close()
	_, err = http.Get(server.URL)
	fmt.Println(name, errors.Is(err, syscall.ECONNREFUSED))
}

func sockets() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	client, err := net.Dial("tcp", listener.Addr().String())
	must(err)
	served, err := listener.Accept()
	must(err)
	must(client.SetReadDeadline(time.Now().Add(30 * time.Millisecond)))
	_, err = client.Read(make([]byte, 1))
	fmt.Println("deadline", errors.Is(err, os.ErrDeadlineExceeded))
	must(served.(*net.TCPConn).SetLinger(0))
	must(served.Close())
	must(client.SetReadDeadline(time.Time{}))
	_, err = client.Read(make([]byte, 1))
	fmt.Println("reset", errors.Is(err, syscall.ECONNRESET))
	_, err = client.Write([]byte("x"))
	fmt.Println("write", errors.Is(err, syscall.EPIPE))
	_, err = net.Listen("tcp", listener.Addr().String())
	fmt.Println("in use", errors.Is(err, syscall.EADDRINUSE))
}

func processes(directory string) {
	cat := exec.Command("cat")
	cat.Stdin = bytes.NewReader(large)
	back, err := cat.Output()
	must(err)
	fmt.Println("cat", bytes.Equal(back, large))
	command := exec.Command("sh", "-c", "echo from a child; echo err >&2; exit 5")
	command.Stdout = os.Stdout
	command.Stderr = os.Stderr
	fmt.Println(command.Run())
	_, err = exec.Command("no-such-program").Output()
	fmt.Println(errors.Is(err, exec.ErrNotFound))
	sleeper := exec.Command("sleep", "30")
	must(sleeper.Start())
	must(sleeper.Process.Kill())
	fmt.Println(sleeper.Wait())
	path := filepath.Join(directory, "file")
	must(os.WriteFile(path, large, 0o600))
	file, err := os.Open(path)
	must(err)
	part := make([]byte, 10)
	_, err = file.ReadAt(part, 1_699_995)
	fmt.Println("file", errors.Is(err, io.EOF), string(part[:5]))
	_, err = file.Write(part)
	fmt.Println("read only", errors.Is(err, syscall.EBADF))
}

func main() {
	directory, err := os.MkdirTemp("", "compat")
	must(err)
	defer os.Exit(8)
	defer os.RemoveAll(directory)
	fmt.Println(greeting())
	web("plain", httptest.NewServer(http.HandlerFunc(answer)))
	secure := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	web("secure", secure)
	sockets()
	processes(directory)
	input, err := io.ReadAll(os.Stdin)
	must(err)
	fmt.Println("stdin", digest(input))
	fmt.Fprintln(os.Stderr, "main.go ends")
}
