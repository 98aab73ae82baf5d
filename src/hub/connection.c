#include "hub/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "envelope/identity_private.h"
#include "envelope/openssl.h"
#include "hub/server.h"

enum { BACKLOG = 1024, JUDGED_MS = 60000, CERTIFICATES_MAX = 32 * 1024, STRANGER_FULL_MS = 2000 };

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

static void leave_list(struct connection *c)
{
    if (c->list)
        TAILQ_REMOVE(c->list, c, entry);
    c->list = NULL;
}

static void enter_list(struct connection *c, struct connection_list *list)
{
    leave_list(c);
    c->list = list;
    c->since = clock_boot_ms();
    TAILQ_INSERT_TAIL(list, c, entry);
}

static size_t *share_of(struct connection *c)
{
    return c->stranger ? &c->server->held_anonymous : &c->server->held;
}

static void give_back_bytes(struct connection *c)
{
    *share_of(c) -= c->received;
    c->received = 0;
}

/* evhttp then meets the end of the stream and frees what is its own. */
static void cut_off(struct connection *c, const char *why)
{
    if (c->closing)
        return;
    c->closing = true;
    if (*c->office.text) {
        log_info("connection-cut", "%s, office %s", why, c->office.text);
    } else {
        c->server->connections.n_cut++;
        c->server->connections.cut_why = why;
    }
    leave_list(c);
    give_back_bytes(c);
    shutdown(bufferevent_getfd(c->bufferevent), SHUT_RDWR);
}

static void no_stranger_any_more(struct connection *c)
{
    if (c->address)
        c->address->strangers--;
    c->address = NULL;
    if (c->is_fresh)
        TAILQ_REMOVE(&c->server->connections.fresh, c, fresh);
    c->is_fresh = false;
}

/* The first bytes of a request: TLS is done, so it is known who sends it. */
static void begin_request(struct connection *c)
{
    struct connections *all = &c->server->connections;
    c->stranger = !*connection_office(c)->text;
    if (!c->stranger)
        no_stranger_any_more(c);
    if (!c->serving)
        enter_list(c, c->stranger ? &all->strangers : &all->receiving);
}

/* Whoever has been sending for longest goes: an enrolment is there within a moment. */
static void cut_strangers(struct server *s)
{
    size_t most = (size_t)s->config->buffered_max / ANONYMOUS_SHARE;
    struct connection *c, *next;
    for (c = TAILQ_FIRST(&s->connections.strangers); c && s->held_anonymous > most; c = next) {
        next = TAILQ_NEXT(c, entry);
        if (c->received)
            cut_off(c, "all request bodies without an office's certificate are over their share");
    }
}

static void on_bytes(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
    (void)input;
    struct connection *c = argument;
    struct server *s = c->server;
    if (info->n_added == 0 || c->closing)
        return;
    if (c->received == 0)
        begin_request(c);
    c->received += info->n_added;
    *share_of(c) += info->n_added;
    if (!c->stranger) {
        if (s->held > (size_t)s->config->buffered_max)
            cut_off(c, "all request bodies together are over buffered_max");
        return;
    }
    if (c->received > ANONYMOUS_BODY_MAX + (size_t)s->config->headers_size)
        cut_off(c, "a body over 32 KiB without an office's certificate");
    cut_strangers(s);
}

size_t connection_request(struct connection *c, size_t **share)
{
    size_t received = c->received;
    *share = share_of(c);
    c->received = 0;
    c->serving = true;
    leave_list(c);
    return received;
}

void connection_answered(struct connection *c)
{
    c->serving = false;
    if (c->closing)
        return;
    if (!*connection_office(c)->text)
        enter_list(c, &c->server->connections.strangers); /* and has not forever for the next */
    else if (evbuffer_get_length(bufferevent_get_input(c->bufferevent)))
        enter_list(c, &c->server->connections.receiving); /* the next request has been sent already */
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
    bool full = all->n >= all->most;
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
    leave_list(c);
    no_stranger_any_more(c);
    give_back_bytes(c);
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

static void count_address(struct server *s, struct connection *c)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char text[NI_MAXHOST], key[PEER_KEY_MAX + 1];
    if (getpeername(bufferevent_getfd(c->bufferevent), (struct sockaddr *)&address, &length) ||
        getnameinfo((struct sockaddr *)&address, length, text, sizeof text, NULL, 0, NI_NUMERICHOST))
        return; /* gone already */
    peer_address_key(text, key);
    c->address = peer_get(s->peers, key);
    if (!c->address)
        return;
    /* Those that no table has room for share one entry, and are not held to the share of one. */
    if (++c->address->strangers > (size_t)s->config->anonymous_connections && c->address->key[0] != '*')
        cut_off(c, "its address has more connections without an office's certificate than allowed");
}

/* evhttp gives a new connection its socket only after on_connection. */
static void on_arrived(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct server *s = argument;
    struct connection *c;
    while ((c = TAILQ_FIRST(&s->connections.fresh))) {
        TAILQ_REMOVE(&s->connections.fresh, c, fresh);
        c->is_fresh = false;
        count_address(s, c);
    }
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
    c->is_fresh = true;
    TAILQ_INSERT_TAIL(&s->connections.fresh, c, fresh);
    event_active(s->connections.arrived, EV_TIMEOUT, 0);
    enter_list(c, &s->connections.strangers);
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

static void cut_late(struct connection_list *list, int64_t began_before, const char *why)
{
    struct connection *c, *next;
    for (c = TAILQ_FIRST(list); c && c->since <= began_before; c = next) {
        next = TAILQ_NEXT(c, entry);
        cut_off(c, why);
    }
}

/* An office that has not asked for anything yet, or whose certificate was not known when it was answered. */
static void know_offices(struct server *s, int64_t began_before)
{
    struct connection *c, *next;
    for (c = TAILQ_FIRST(&s->connections.strangers); c && c->since <= began_before; c = next) {
        next = TAILQ_NEXT(c, entry);
        /* In the midst of a handshake there may be a certificate whose key is not proven. */
        if (SSL_is_init_finished(bufferevent_openssl_get_ssl(c->bufferevent)) &&
            *connection_office(c)->text) {
            no_stranger_any_more(c);
            enter_list(c, &s->connections.receiving);
        }
    }
}

void connections_tick(struct server *s, int64_t now)
{
    struct connections *all = &s->connections;
    int64_t request = s->config->request_timeout, stranger = s->config->anonymous_timeout;
    if (stranger > request)
        stranger = request;
    if (all->n >= all->most && stranger > STRANGER_FULL_MS)
        stranger = STRANGER_FULL_MS; /* somebody else may be waiting */
    know_offices(s, now - stranger);
    cut_late(&all->strangers, now - stranger,
             "no whole request came in time without an office's certificate");
    cut_late(&all->receiving, now - request, "a request took longer than request_timeout");
    update_accepting(s);
    if (all->n_cut)
        log_info("connection-cut", "%zu of strangers; the last: %s", all->n_cut, all->cut_why);
    all->n_cut = 0;
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
    TAILQ_INIT(&all->strangers);
    TAILQ_INIT(&all->fresh);
    all->most = (size_t)s->config->connections;
    all->arrived = event_new(s->base, -1, 0, on_arrived, s);
    if (!all->arrived)
        return error_set(e, -ENOMEM, "memory", "out of memory");
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
    if (s->connections.arrived)
        event_free(s->connections.arrived);
}
