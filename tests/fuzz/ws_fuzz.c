/* WebSocket frames of a client behind a valid handshake, through the whole server: clang -fsanitize=fuzzer,address. */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char handshake[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static struct ws *ws;
static bool closed;

static void on_message(void *arg, const uint8_t *data, size_t n)
{
	(void)arg;
	ws_send(ws, data, n);
}

static void on_drain(void *arg)
{
	(void)arg;
}

static void on_close(void *arg)
{
	(void)arg;
	closed = true;
}

static const struct ws_ops ops = { .on_message = on_message, .on_drain = on_drain, .on_close = on_close };

static void on_request(void *arg, struct http_exchange *x)
{
	(void)arg;
	ws_accept(x, NULL, 65536, &ops, NULL, &ws, NULL);
}

static int dial(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *l;
	static struct http_server *server;
	if (!l) {
		struct http_server_config c = { .bind_address = "127.0.0.1", .on_request = on_request };
		if (loop_new(&l, NULL) < 0)
			return 0;
		c.loop = l;
		if (http_server_start(&c, &server, NULL) < 0)
			return 0;
	}
	int fd = dial(http_server_port(server));
	if (fd < 0)
		return 0;
	closed = false;
	if (send(fd, handshake, sizeof(handshake) - 1, MSG_NOSIGNAL) < 0 || send(fd, data, size, MSG_NOSIGNAL) < 0)
		closed = true;
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 100 && !closed; i++)
		loop_run_once(l, 10);
	close(fd);
	return 0;
}
