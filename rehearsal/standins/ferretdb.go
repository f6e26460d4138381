// A stand-in for mongod where no image registry is in reach: FerretDB with its SQLite backend.
// It takes mongod's flags and ignores them; `mongod --ping` is a health check, as no mongosh comes with it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--ping" {
		connection, err := net.DialTimeout("tcp", "127.0.0.1:27017", 2*time.Second)
		if err != nil {
			fail(err)
		}
		connection.Close()
		return
	}
	// The driver writes one file per database; a leading slash three times keeps the path absolute.
	database, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "0.0.0.0:27017"},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:///data/db/",
	})
	if err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	fmt.Println("waiting for connections on port 27017")
	if err := database.Run(ctx); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
