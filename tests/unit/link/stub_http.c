#include "stub_http.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/framing.h"

enum { HEAD_BYTES = 8192, STEP = 16384 };

struct connection {
    struct stub_hub *h;
    int fd;
    SSL *ssl;
    struct office_id office;
    char head[HEAD_BYTES + 1];
    size_t n_head; /* read ahead of what was taken */
    size_t moved;
};

uint64_t stub_query(const struct stub_call *c, const char *key)
{
    const char *at = strstr(c->path, key);
    return at && at[strlen(key)] == '=' ? strtoull(at + strlen(key) + 1, NULL, 10) : 0;
}

/* False: this line is cut now. */
static bool may_move(struct connection *c, size_t n)
{
    int limit = atomic_load(&c->h->cut_after);
    c->moved += n;
    return limit == 0 || c->moved < (size_t)limit;
}

static int read_some(struct connection *c, void *out, size_t size)
{
    while (SSL_pending(c->ssl) == 0) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0)
            break;
        if (!atomic_load(&c->h->running))
            return -1;
    }
    int n = SSL_read(c->ssl, out, (int)(size < STEP ? size : STEP));
    if (n <= 0 || !may_move(c, (size_t)n))
        return -1;
    atomic_fetch_add(&c->h->bytes_in, (size_t)n);
    return n;
}

static bool write_all(struct connection *c, const void *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t step = length - at < STEP ? length - at : STEP;
        int n = SSL_write(c->ssl, (const uint8_t *)data + at, (int)step);
        if (n <= 0 || !may_move(c, (size_t)n))
            return false;
        atomic_fetch_add(&c->h->bytes_out, (size_t)n);
        at += (size_t)n;
    }
    return true;
}

static void header(const char *head, const char *name, char *out, size_t size)
{
    const char *at = strcasestr(head, name);
    out[0] = '\0';
    if (!at)
        return;
    at += strlen(name);
    at += strspn(at, " ");
    snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

static void read_basic(struct stub_call *call, const char *text)
{
    struct buffer plain = {0};
    if (strncmp(text, "Basic ", 6) == 0 && framing_base64(text + 6, strlen(text + 6), 256, &plain) == 0)
        sscanf((const char *)plain.data, "%63[^:]:%63s", call->user, call->password);
    buffer_free(&plain);
}

static bool read_call(struct connection *c, struct stub_call *call)
{
    char *end, value[256];
    while (!(end = (c->head[c->n_head] = '\0', strstr(c->head, "\r\n\r\n")))) {
        int n = c->n_head < HEAD_BYTES ? read_some(c, c->head + c->n_head, HEAD_BYTES - c->n_head) : -1;
        if (n <= 0)
            return false;
        c->n_head += (size_t)n;
    }
    size_t used = (size_t)(end - c->head) + 4;
    end[2] = '\0';
    if (sscanf(c->head, "%7s %299s", call->method, call->path) != 2)
        return false;
    header(c->head, "\nContent-Type:", call->body_media, sizeof call->body_media);
    header(c->head, "\nRange:", call->range, sizeof call->range);
    header(c->head, "\nAuthorization:", value, sizeof value);
    read_basic(call, value);
    header(c->head, "\nContent-Length:", value, sizeof value);
    size_t length = strtoul(value, NULL, 10), ahead = c->n_head - used;
    size_t mine = ahead < length ? ahead : length;
    buffer_append(&call->body, c->head + used, mine);
    memmove(c->head, c->head + used + mine, ahead - mine);
    c->n_head = ahead - mine;
    while (call->body.length < length) {
        uint8_t block[STEP];
        size_t left = length - call->body.length;
        int n = read_some(c, block, left < sizeof block ? left : sizeof block);
        if (n <= 0)
            return false;
        buffer_append(&call->body, block, (size_t)n);
    }
    return true;
}

static bool write_answer(struct connection *c, const struct stub_call *call)
{
    struct buffer head = {0};
    char date[64];
    struct tm tm;
    time_t now = (time_t)((clock_utc_ms() - atomic_load(&c->h->behind_ms)) / 1000);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buffer_printf(&head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nDate: %s\r\n", call->status,
                  call->answer.length, date);
    if (call->media)
        buffer_printf(&head, "Content-Type: %s\r\n", call->media);
    if (call->content_range[0])
        buffer_printf(&head, "Content-Range: %s\r\n", call->content_range);
    buffer_text(&head, "\r\n");
    bool good = write_all(c, head.data, head.length) && write_all(c, call->answer.data, call->answer.length);
    buffer_free(&head);
    return good;
}

static void serve(struct connection *c)
{
    X509 *certificate = SSL_get1_peer_certificate(c->ssl);
    pthread_mutex_lock(&c->h->lock); /* the trust store is the routes' too */
    if (certificate)
        trust_check(c->h->house->trust, certificate, ROLE_OFFICE, clock_utc_ms(), &c->office, NULL);
    pthread_mutex_unlock(&c->h->lock);
    X509_free(certificate);
    for (bool good = true; good && atomic_load(&c->h->running);) {
        struct stub_call call = {.office = c->office};
        good = read_call(c, &call);
        if (good) {
            stub_serve(c->h, &call);
            good = write_answer(c, &call);
        }
        buffer_free(&call.body);
        buffer_free(&call.answer);
    }
}

static void *connection_run(void *context)
{
    struct connection *c = context;
    struct stub_hub *h = c->h;
    c->ssl = SSL_new(h->tls);
    SSL_set_fd(c->ssl, c->fd);
    if (SSL_accept(c->ssl) == 1)
        serve(c);
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
    atomic_fetch_sub(&h->connections, 1);
    return NULL;
}

static void *listener_run(void *context)
{
    struct stub_hub *h = context;
    while (atomic_load(&h->running)) {
        struct pollfd p = {.fd = h->listener, .events = POLLIN};
        if (poll(&p, 1, 50) <= 0)
            continue;
        int fd = accept(h->listener, NULL, NULL);
        struct connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
        pthread_t thread;
        if (!c)
            continue;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->h = h;
        c->fd = fd;
        atomic_fetch_add(&h->connections, 1);
        if (pthread_create(&thread, NULL, connection_run, c))
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

static int take_any(int good, X509_STORE_CTX *context)
{
    (void)good, (void)context;
    return 1; /* trust_check judges */
}

void stub_listen(struct stub_hub *h)
{
    signal(SIGPIPE, SIG_IGN); /* the other side hangs up as it likes */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)h->port)};
    socklen_t length = sizeof address;
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    h->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(h->tls, TLS1_3_VERSION);
    EVP_PKEY *key = key_new();
    X509 *server = ca_issue_server(h->house->ca, key, "127.0.0.1", 30, NULL);
    if (!server)
        abort();
    SSL_CTX_use_certificate(h->tls, server);
    SSL_CTX_use_PrivateKey(h->tls, key);
    X509_free(server);
    EVP_PKEY_free(key);
    SSL_CTX_add1_chain_cert(h->tls, ca_certificate(h->house->ca));
    SSL_CTX_set_verify(h->tls, SSL_VERIFY_PEER, take_any);
    h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(h->listener, (struct sockaddr *)&address, sizeof address) || listen(h->listener, 64))
        abort();
    getsockname(h->listener, (struct sockaddr *)&address, &length);
    h->port = ntohs(address.sin_port);
    atomic_store(&h->running, true);
    if (pthread_create(&h->thread, NULL, listener_run, h))
        abort();
}

void stub_unlisten(struct stub_hub *h)
{
    pthread_mutex_lock(&h->lock);
    atomic_store(&h->running, false);
    pthread_cond_broadcast(&h->news);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    while (atomic_load(&h->connections) > 0)
        usleep(1000);
    close(h->listener);
    SSL_CTX_free(h->tls);
}
