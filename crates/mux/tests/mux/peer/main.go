// The public multiplexer, as both public programs set it up, at the other end of a
// test. Usage: peer ADDRESS VERSION ROLE, where ROLE says what the peer does:
//
//	open N SIZE   opens N streams, sends SIZE bytes on each, expects them back
//	accept        echoes whatever streams it is given
//	short N       opens N streams, sends a line, closes at once
//
// "ok" on the output says that everything was as expected.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/xtaci/smux"
)

func check(err error, what string) {
	if err != nil {
		fmt.Fprintln(os.Stderr, what+":", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err, "number")
	return n
}

func main() {
	conn, err := net.Dial("tcp", os.Args[1])
	check(err, "dial")
	config := smux.DefaultConfig()
	config.Version = number(os.Args[2])
	config.KeepAliveInterval = 10 * time.Second
	config.KeepAliveTimeout = 30 * time.Second
	config.MaxFrameSize = 32768
	config.MaxReceiveBuffer = 4194304
	config.MaxStreamBuffer = 65536
	session, err := smux.Client(conn, config)
	check(err, "session")
	switch os.Args[3] {
	case "open":
		open(session, number(os.Args[4]), number(os.Args[5]))
	case "accept":
		accept(session)
	case "short":
		for i := 0; i < number(os.Args[4]); i++ {
			stream, err := session.OpenStream()
			check(err, "open")
			_, err = stream.Write([]byte("{\"remote_port\":\"8082\"}\n"))
			check(err, "write")
			check(stream.Close(), "close")
		}
	}
	fmt.Println("ok")
	// Whoever tests reads what is left, then closes.
	io.Copy(io.Discard, os.Stdin)
}

func open(session *smux.Session, count, size int) {
	var all sync.WaitGroup
	for i := 0; i < count; i++ {
		all.Add(1)
		go func(seed int) {
			defer all.Done()
			stream, err := session.OpenStream()
			check(err, "open")
			data := bytes.Repeat([]byte{byte(seed), byte(seed >> 8), 7}, size/3+1)[:size]
			go func() {
				_, err := stream.Write(data)
				check(err, "write")
			}()
			hash := sha256.New()
			_, err = io.CopyN(hash, stream, int64(size))
			check(err, "read")
			want := sha256.Sum256(data)
			if !bytes.Equal(hash.Sum(nil), want[:]) {
				check(fmt.Errorf("stream %d", seed), "other bytes came back")
			}
			check(stream.Close(), "close")
		}(i)
	}
	all.Wait()
}

func accept(session *smux.Session) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		go func() {
			io.Copy(stream, stream)
			stream.Close()
		}()
	}
}
