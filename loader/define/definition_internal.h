/*
 * definition_internal.h - the fields of a definition, which are rows of the table in definition.c, and
 * what they are together.
 *
 * Errors: CONFIGURATION, naming the field and what it takes. A target that was stopped goes on once
 *         one of them is set.
 */
#ifndef LOADER_DEFINE_DEFINITION_INTERNAL_H
#define LOADER_DEFINE_DEFINITION_INTERNAL_H

#include "loader/base/secret.h"
#include "loader/define/definition.h"
#include "queue/base/error.h"
#include "queue/work_queue.h"

#include <glib.h>

/* What a group of a file comes to (apply_tell.c). */
struct apply_row {
	const char *kind; /* "target", "queue", "rules" */
	char *name;
	enum apply_outcome outcome;
	GPtrArray *before; /* the values of its fields; NULL where there was none of that name */
	GPtrArray *after;
	GPtrArray *numbers; /* of the rules that differ; NULL: the fields are those of `kind` */
};

void apply_row_clear(void *row);

/* Tells of all rows, after the commit. */
void apply_tell(const struct apply_report *report, const GArray *rows);

/* What is done with the rules of a file (apply_rules.c). */
struct apply_rules {
	struct store *store; /* NULL: there is no database yet */
	bool change;	     /* else only the outcome is told */
	/* Of each rule that differs; NULL is no rule. */
	void (*differs)(const char *number, const char *before, const char *after, void *context);
	void *context;
};

/* The group [rules NAME], whose keys are numbers, becomes the whole set of the queue's rules, in the open transaction. */
int apply_rules_group(const struct apply_rules *apply, GKeyFile *file, const char *group,
		      const char *queue_name, enum apply_outcome *ret_outcome, struct error *err);

typedef int target_setter(struct work_queue_target *draft, const char *value, struct error *err);

/* The fields of a queue itself. */
int definition_set_class(struct work_queue *draft, const char *value, struct error *err);
int definition_set_external_source(struct work_queue *draft, const char *value, struct error *err);
int definition_set_connection_string(struct work_queue *draft, const char *value,
				     struct error *err);
int definition_set_user_name(struct work_queue *draft, const char *value, struct error *err);
int definition_set_password_file(struct work_queue *draft, const char *value, struct error *err);
int definition_set_password_env(struct work_queue *draft, const char *value, struct error *err);
int definition_set_password_credential(struct work_queue *draft, const char *value,
				       struct error *err);
int definition_set_password_command(struct work_queue *draft, const char *value, struct error *err);
int definition_set_token_command(struct work_queue *draft, const char *value, struct error *err);
int definition_set_oauth(struct work_queue *draft, const char *value, struct error *err);
int definition_set_password_prompt(struct work_queue *draft, const char *value, struct error *err);
int definition_set_paused(struct work_queue *draft, const char *value, struct error *err);
int definition_set_max_attempts(struct work_queue *draft, const char *value, struct error *err);
int definition_set_retry_delay(struct work_queue *draft, const char *value, struct error *err);
int definition_set_reference(struct work_queue *draft, const char *value, struct error *err);
int definition_set_order(struct work_queue *draft, const char *value, struct error *err);
int definition_set_same_reference(struct work_queue *draft, const char *value, struct error *err);

/* There is one source: naming another one replaces it. */
int definition_set_credential(struct work_queue *draft, enum secret_source source,
			      const char *reference);

/* The fields of a target. */
int definition_target_set_url(struct work_queue_target *draft, const char *value,
			      struct error *err);
int definition_target_set_format(struct work_queue_target *draft, const char *value,
				 struct error *err);
int definition_target_set_secret(struct work_queue_target *draft, const char *value,
				 struct error *err);
int definition_target_set_password(struct work_queue_target *draft, const char *value,
				   struct error *err);
int definition_target_set_header_secret(struct work_queue_target *draft, const char *value,
					struct error *err);
int definition_target_set_header(struct work_queue_target *draft, const char *value,
				 struct error *err);
int definition_target_set_recipient(struct work_queue_target *draft, const char *value,
				    struct error *err);
int definition_target_set_connect_timeout(struct work_queue_target *draft, const char *value,
					  struct error *err);
int definition_target_set_timeout(struct work_queue_target *draft, const char *value,
				  struct error *err);
int definition_target_set_ca_file(struct work_queue_target *draft, const char *value,
				  struct error *err);
int definition_target_set_crl_file(struct work_queue_target *draft, const char *value,
				   struct error *err);
int definition_target_set_redirects(struct work_queue_target *draft, const char *value,
				    struct error *err);
int definition_target_set_trust_host(struct work_queue_target *draft, const char *value,
				     struct error *err);
int definition_target_set_proxy(struct work_queue_target *draft, const char *value,
				struct error *err);
int definition_target_set_client_certificate(struct work_queue_target *draft, const char *value,
					     struct error *err);
int definition_target_set_insecure(struct work_queue_target *draft, const char *value,
				   struct error *err);
int definition_target_set_allow_private(struct work_queue_target *draft, const char *value,
					struct error *err);
int definition_target_set_concurrency(struct work_queue_target *draft, const char *value,
				      struct error *err);

/* The same of a queue's own target. */
int definition_target_set_of(struct work_queue *draft, const char *field, target_setter *set,
			     const char *value, struct error *err);

/* Which target with a name a queue uses, and when its mailbox is told. */
int definition_target_set_name(struct work_queue *draft, const char *value, struct error *err);
int definition_target_set_acknowledge(struct work_queue *draft, const char *value,
				      struct error *err);

/* The defaults, as an operator would write them. */
#define DEFINITION_FORMAT	   "multipart"
#define DEFINITION_CONNECT_TIMEOUT "10s"
#define DEFINITION_TIMEOUT	   "30s"
#define DEFINITION_CONCURRENCY	   "4"
#define DEFINITION_REDIRECTS	   "any"
#define DEFINITION_RETRY_DELAY	   "30s"
#define DEFINITION_SAME_REFERENCE  "link"
#define DEFINITION_ORDER	   "due"
void definition_target_init(struct work_queue_target *draft);

/* The queue's target as a whole, and what it has to do with the queue. */
int definition_target_check_of(const struct work_queue *draft, struct error *err);

/* Calls `each` for every field of a target, always in the same order. */
void definition_list_target(const struct work_queue_target *target,
			    void (*each)(const char *field, const char *value, void *context),
			    void *context);

/* The values that definition_list() and definition_list_target() tell, in their order; NULL where there is none. The
 * caller releases the list. */
GPtrArray *definition_values(const struct work_queue *queue);
GPtrArray *definition_target_values(const struct work_queue_target *target);

#endif
