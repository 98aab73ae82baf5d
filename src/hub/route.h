/* What the paths of docs/hub-api.yaml do. Each takes the exchange and answers it, now or later. */
#ifndef HUB_ROUTE_H
#define HUB_ROUTE_H

#include "hub/exchange.h"

void route_message_put(struct exchange *x);
void route_message_get(struct exchange *x);
void route_parts_get(struct exchange *x);
void route_part_put(struct exchange *x);
void route_receipt_put(struct exchange *x);
void route_feed(struct exchange *x);
void route_directory(struct exchange *x);
void route_directory_log(struct exchange *x);
void route_crl(struct exchange *x);
void route_cacerts(struct exchange *x);
void route_enroll(struct exchange *x);
void route_reenroll(struct exchange *x);

/* New events for `office` ("" = for all): its waiting feeds look again. */
void feeds_wake(struct server *s, const struct office_id *office);
/* Answers all waiting feeds. */
void feeds_stop(struct server *s);

/* The root and the issuing CA as cacerts gives them, base64. 0 or negative. */
int est_cacerts(struct server *s, struct buffer *out);

/* The operator's own listener: /healthz, /readyz, /metrics. 0 or negative and `e`. */
int operator_open(struct server *s, struct error *e);

#endif
