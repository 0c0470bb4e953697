// A gRPC server or client whose messages are plain bytes: a request names the status ("0" answers).
//
//	program serve PORT           every method
//	program call PORT COUNT      /test.Echo/Item0 to Item(COUNT-1), by eight at a time
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

type raw []byte

type codec struct{}

func (codec) Marshal(value any) ([]byte, error) { return *value.(*raw), nil }
func (codec) Unmarshal(data []byte, value any) error {
	*value.(*raw) = append(raw(nil), data...)
	return nil
}
func (codec) Name() string { return "proto" }

const (
	workers  = 8
	statuses = 17
)

func main() {
	address := "127.0.0.1:" + os.Args[2]
	if os.Args[1] == "serve" {
		serve(address)
		return
	}
	count, _ := strconv.Atoi(os.Args[3])
	call(address, count)
}

func serve(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(codec{}), grpc.UnknownServiceHandler(echo))
	panic(server.Serve(listener))
}

func echo(_ any, stream grpc.ServerStream) error {
	for {
		var message raw
		if err := stream.RecvMsg(&message); err != nil {
			return nil
		}
		code, _ := strconv.Atoi(string(message))
		if code != 0 {
			return status.Error(codes.Code(code), "as asked")
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

func call(address string, count int) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{})),
	}
	client, err := grpc.NewClient(address, options...)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	var wait sync.WaitGroup
	for worker := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for index := worker; index < count; index += workers {
				request, answer := raw(strconv.Itoa(index%statuses)), raw(nil)
				method := fmt.Sprintf("/test.Echo/Item%d", index)
				err := client.Invoke(context.Background(), method, &request, &answer)
				if int(status.Code(err)) != index%statuses {
					panic(err)
				}
			}
		}()
	}
	wait.Wait()
}
