#include "hub/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "envelope/identity_private.h"
#include "envelope/openssl.h"
#include "hub/server.h"

enum { BACKLOG = 1024, JUDGED_MS = 60000, CERTIFICATES_MAX = 32 * 1024 };

/* ---- who is it? ---- */

/* Any certificate passes TLS, which proves that its key is the client's; the routes judge it, so that the
 * client gets a problem that says what is wrong. */
static int take_any_certificate(X509_STORE_CTX *context, void *unused)
{
    (void)context;
    (void)unused;
    return 1;
}

bool connection_has_certificate(const struct connection *c)
{
    SSL *ssl = bufferevent_openssl_get_ssl(c->bufferevent);
    return ssl && SSL_get0_peer_certificate(ssl);
}

const struct office_id *connection_office(struct connection *c)
{
    struct connections *all = &c->server->connections;
    int64_t now = clock_utc_ms();
    if (c->judged_generation == all->generation && now < c->judged_until &&
        now > c->judged_until - JUDGED_MS - 1)
        return &c->office;
    SSL *ssl = bufferevent_openssl_get_ssl(c->bufferevent);
    X509 *certificate = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
    struct error e;
    c->office.text[0] = '\0';
    if (!certificate)
        return &c->office; /* the handshake may not be done yet: nothing to remember */
    if (trust_check(c->server->keys.trust, certificate, ROLE_OFFICE, now, &c->office, &e))
        log_warning("certificate-refused", "%s: %s", e.code, e.text);
    c->judged_generation = all->generation;
    c->judged_until = now + JUDGED_MS;
    return &c->office;
}

/* ---- how much, how long ---- */

static void stop_receiving(struct connection *c)
{
    if (c->is_receiving)
        TAILQ_REMOVE(&c->server->connections.receiving, c, receiving);
    c->is_receiving = false;
}

static void start_receiving(struct connection *c)
{
    if (c->is_receiving)
        return;
    c->is_receiving = true;
    c->since = clock_boot_ms();
    TAILQ_INSERT_TAIL(&c->server->connections.receiving, c, receiving);
}

/* evhttp then meets the end of the stream and frees what is its own. */
static void cut_off(struct connection *c, const char *why)
{
    if (c->closing)
        return;
    c->closing = true;
    log_info("connection-cut", "%s%s%s", why, *c->office.text ? ", office " : "", c->office.text);
    shutdown(bufferevent_getfd(c->bufferevent), SHUT_RDWR);
}

static void on_bytes(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
    (void)input;
    struct connection *c = argument;
    struct server *s = c->server;
    if (info->n_added == 0 || c->closing)
        return;
    if (!c->serving)
        start_receiving(c);
    c->received += info->n_added;
    s->held += info->n_added;
    size_t strangers = ANONYMOUS_BODY_MAX + (size_t)s->config->headers_size;
    if (c->received > strangers && !*connection_office(c)->text)
        cut_off(c, "a body over 128 KiB without an office's certificate");
    else if (s->held > (size_t)s->config->buffered_max)
        cut_off(c, "all request bodies together are over buffered_max");
}

size_t connection_request(struct connection *c)
{
    size_t received = c->received;
    c->received = 0;
    c->serving = true;
    stop_receiving(c);
    return received;
}

void connection_answered(struct connection *c)
{
    c->serving = false;
    if (evbuffer_get_length(bufferevent_get_input(c->bufferevent)))
        start_receiving(c); /* the next request has been sent already */
}

struct connection *connection_of(struct server *s, struct evhttp_request *request)
{
    struct evhttp_connection *http = evhttp_request_get_connection(request);
    struct bufferevent *b = http ? evhttp_connection_get_bufferevent(http) : NULL;
    SSL *ssl = b ? bufferevent_openssl_get_ssl(b) : NULL;
    return ssl ? SSL_get_ex_data(ssl, s->connections.index) : NULL;
}

/* ---- coming and going ---- */

static void update_accepting(struct server *s)
{
    struct connections *all = &s->connections;
    bool full = all->n >= (size_t)s->config->connections;
    if (!all->listener || full == all->paused)
        return;
    all->paused = full;
    if (full)
        evconnlistener_disable(all->listener);
    else
        evconnlistener_enable(all->listener);
}

static void on_ssl_free(void *parent, void *record, CRYPTO_EX_DATA *data, int index, long number,
                        void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    struct connection *c = record;
    if (!c)
        return;
    stop_receiving(c);
    c->server->held -= c->received;
    c->server->connections.n--;
    update_accepting(c->server);
    free(c);
}

static struct connection *record_new(struct server *s, SSL *ssl)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c || SSL_set_ex_data(ssl, s->connections.index, c) != 1) {
        free(c);
        return NULL;
    }
    c->server = s;
    s->connections.n++;
    return c;
}

/* evhttp would speak plain HTTP over a connection for which this gave NULL. A hub without memory for a
 * connection ends instead; its supervisor starts it again, and nothing acknowledged is lost. */
static struct bufferevent *on_connection(struct event_base *base, void *argument)
{
    struct server *s = argument;
    SSL *ssl = SSL_new(s->connections.tls);
    struct connection *c = ssl ? record_new(s, ssl) : NULL;
    struct bufferevent *b =
        c ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
          : NULL;
    if (!b || !evbuffer_add_cb(bufferevent_get_input(b), on_bytes, c)) {
        log_error("memory", "out of memory for a connection");
        abort();
    }
    bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
    c->bufferevent = b;
    start_receiving(c);
    update_accepting(s);
    return b;
}

/* No descriptors left, mostly: waits for the next tick instead of trying at once again and again. */
static void on_accept_error(struct evconnlistener *listener, void *argument)
{
    struct server *s = argument;
    int number = errno;
    log_warning("accept", "%s", strerror(number));
    evconnlistener_disable(listener);
    s->connections.paused = true;
}

void connections_tick(struct server *s, int64_t now)
{
    struct connection *c, *next;
    for (c = TAILQ_FIRST(&s->connections.receiving); c; c = next) {
        next = TAILQ_NEXT(c, receiving);
        if (now - c->since < s->config->request_timeout)
            break;
        cut_off(c, "a request took longer than request_timeout");
        stop_receiving(c);
    }
    update_accepting(s);
}

/* ---- TLS ---- */

static int tls_error(struct error *e, const char *what)
{
    return openssl_error(e, -EIO, "tls", what);
}

static int tls_identity(SSL_CTX *tls, const struct hub_keys *keys, struct error *e)
{
    const struct identity *server = keys->server;
    if (SSL_CTX_use_certificate(tls, identity_certificate(server)) != 1 ||
        SSL_CTX_use_PrivateKey(tls, identity_key(server)) != 1)
        return tls_error(e, "server.pem and server.key");
    for (int i = 0; i < sk_X509_num(server->chain); i++)
        if (SSL_CTX_add1_chain_cert(tls, sk_X509_value(server->chain, i)) != 1)
            return tls_error(e, "server.pem");
    if (SSL_CTX_add_client_CA(tls, ca_certificate(keys->ca)) != 1 ||
        SSL_CTX_add_client_CA(tls, keys->root) != 1)
        return tls_error(e, "ca.pem");
    return 0;
}

static int tls_new(struct server *s, struct error *e)
{
    struct connections *all = &s->connections;
    SSL_CTX *tls = all->tls = SSL_CTX_new(TLS_server_method());
    all->index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_ssl_free);
    if (!tls || all->index < 0 ||
        SSL_CTX_set_min_proto_version(tls, s->config->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(tls, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return tls_error(e, "TLS");
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(tls, 0);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(tls, CERTIFICATES_MAX);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls, take_any_certificate, NULL);
    return tls_identity(tls, &s->keys, e);
}

int connections_open(struct server *s, struct error *e)
{
    struct connections *all = &s->connections;
    struct sockaddr_storage address;
    int length = sizeof address;
    TAILQ_INIT(&all->receiving);
    int r = tls_new(s, e);
    if (r)
        return r;
    if (evutil_parse_sockaddr_port(s->config->listen, (struct sockaddr *)&address, &length))
        return error_set(e, -EINVAL, "config-value", "listen: \"%s\" is not ADDRESS:PORT", s->config->listen);
    all->listener = evconnlistener_new_bind(s->base, NULL, NULL,
                                            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                            BACKLOG, (struct sockaddr *)&address, length);
    if (!all->listener)
        return error_set(e, -errno, "listen",
                         "cannot listen on %s: %s; do: end what listens there, or change [hub] listen",
                         s->config->listen, strerror(errno));
    /* Accepted sockets inherit it (tcp(7)): an answer of two small records must not wait for the client's
     * delayed ACK, which costs 40 ms. */
    int on = 1;
    if (setsockopt(evconnlistener_get_fd(all->listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        return error_set(e, -errno, "listen", "TCP_NODELAY: %s", strerror(errno));
    evhttp_set_bevcb(s->http, on_connection, s);
    if (!evhttp_bind_listener(s->http, all->listener))
        return error_set(e, -ENOMEM, "memory", "out of memory");
    evconnlistener_set_error_cb(all->listener, on_accept_error);
    return 0;
}

void connections_close(struct server *s)
{
    SSL_CTX_free(s->connections.tls);
    s->connections.tls = NULL;
}
