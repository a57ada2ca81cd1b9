/*
 * definition_internal.h - the fields of a definition that say where entries are posted to; rows of
 * the table in definition.c.
 *
 * Errors: CONFIGURATION, naming the field and what it takes. A target that was stopped goes on once
 *         one of them is set.
 */
#ifndef LOADER_DEFINE_DEFINITION_INTERNAL_H
#define LOADER_DEFINE_DEFINITION_INTERNAL_H

#include "queue/base/error.h"
#include "queue/work_queue.h"

int definition_target_set_url(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_format(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_secret(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_password(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_header_secret(struct work_queue *draft, const char *value,
					struct error *err);
int definition_target_set_header(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_connect_timeout(struct work_queue *draft, const char *value,
					  struct error *err);
int definition_target_set_timeout(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_ca_file(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_crl_file(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_redirects(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_trust_host(struct work_queue *draft, const char *value,
				     struct error *err);
int definition_target_set_client_certificate(struct work_queue *draft, const char *value,
					     struct error *err);
int definition_target_set_insecure(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_allow_private(struct work_queue *draft, const char *value,
					struct error *err);
int definition_target_set_concurrency(struct work_queue *draft, const char *value,
				      struct error *err);
int definition_target_set_acknowledge(struct work_queue *draft, const char *value,
				      struct error *err);

/* The defaults, as an operator would write them. */
#define DEFINITION_FORMAT	   "multipart"
#define DEFINITION_CONNECT_TIMEOUT "10s"
#define DEFINITION_TIMEOUT	   "30s"
#define DEFINITION_CONCURRENCY	   "4"
#define DEFINITION_REDIRECTS	   "any"
void definition_target_init(struct work_queue *draft);

/* The draft's target as a whole. */
int definition_target_check(const struct work_queue *draft, struct error *err);

#endif
