// Command bench measures what the client adds to a round trip, beside a GET of net/http: see the folder above.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sort"
	"time"

	"dues"
)

const (
	warmUp = 500
	rounds = 10
	calls  = 200
)

func main() {
	tcp := flag.String("tcp", "127.0.0.1:7171", "the server's `HOST:PORT`")
	url := flag.String("http", "http://127.0.0.1:7172/healthz", "the `URL` to get")
	flag.Parse()

	socket, err := net.Dial("tcp", *tcp)
	check(err)
	defer socket.Close()
	reader := bufio.NewReader(socket)
	question := []byte(`{"jsonrpc":"2.0","id":1,"method":"CheckAccess","params":{"customerId":"cus_1","productId":"prod_1"}}` + "\n")
	bare := func() {
		_, err := socket.Write(question)
		check(err)
		_, err = reader.ReadSlice('\n')
		check(err)
	}

	client := dues.New(dues.Options{Address: *tcp})
	defer client.Close()
	call := func() {
		_, err := client.CheckAccess(context.Background(), dues.CheckAccessParams{CustomerID: "cus_1", ProductID: "prod_1"})
		check(err)
	}

	get := func() {
		answer, err := http.Get(*url)
		check(err)
		defer answer.Body.Close()
		var body any
		check(json.NewDecoder(answer.Body).Decode(&body))
	}

	subjects := []func(){bare, call, get}
	times := make([][]float64, len(subjects))
	for _, subject := range subjects {
		measure(subject, warmUp)
	}
	for round := 0; round < rounds; round++ {
		for index, subject := range subjects {
			times[index] = append(times[index], measure(subject, calls)...)
		}
	}
	check(json.NewEncoder(os.Stdout).Encode(struct {
		Bare   json.RawMessage `json:"bareMicroseconds"`
		Client json.RawMessage `json:"clientMicroseconds"`
		HTTP   json.RawMessage `json:"httpMicroseconds"`
	}{median(times[0]), median(times[1]), median(times[2])}))
}

// measure gives the microseconds of each of count runs.
func measure(subject func(), count int) []float64 {
	times := make([]float64, count)
	for index := range times {
		begun := time.Now()
		subject()
		times[index] = float64(time.Since(begun).Nanoseconds()) / 1000
	}
	return times
}

func median(times []float64) json.RawMessage {
	sort.Float64s(times)
	return json.RawMessage(fmt.Sprintf("%.1f", times[len(times)/2]))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
