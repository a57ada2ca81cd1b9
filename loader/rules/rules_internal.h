/*
 * rules_internal.h - a rule as the room sees it: its words, its tests and actions, and a mail's values made
 * ready for comparing.
 */
#ifndef LOADER_RULES_RULES_INTERNAL_H
#define LOADER_RULES_RULES_INTERNAL_H

#include "loader/rules/rules.h"
#include "queue/work_queue.h"

#include <glib.h>
#include <inttypes.h>

/* ---- words (rule_word.c) ---- */

enum rule_word_kind { WORD_END, WORD_NAME, WORD_TAG, WORD_STRING, WORD_NUMBER, WORD_MARK };

/* The word at hand. `text`: a name or tag in lower case, without ':'; a string decoded; a number as
 * written. */
struct rule_reader {
	const char *source;
	enum rule_word_kind kind;
	GString *text;
	char mark;	/* ( ) [ ] { } , ; */
	int64_t number; /* with K, M or G multiplied out */
	size_t begin;	/* the word's bytes in the source */
	size_t end;
	size_t before; /* where the word before it ended */
};

void rule_reader_open(struct rule_reader *reader, const char *source);
void rule_reader_close(struct rule_reader *reader);

/* Reads the next word. */
int rule_reader_next(struct rule_reader *reader, struct error *err);

/* Always -1: what was expected in place of the word at hand. */
int rule_reader_fail(const struct rule_reader *reader, const char *expected, struct error *err);

bool rule_reader_is_mark(const struct rule_reader *reader, char mark);

/* Reads over the mark. */
int rule_reader_skip(struct rule_reader *reader, char mark, struct error *err);

/* ---- a rule (rule_parse.c) ---- */

enum rule_test_kind {
	TEST_TRUE,
	TEST_FALSE,
	TEST_NOT,
	TEST_ANY,
	TEST_ALL,
	TEST_HEADER,
	TEST_ADDRESS,
	TEST_EXISTS,
	TEST_BODY,
	TEST_SIZE,
	TEST_ATTACHMENT,
	TEST_ATTACHMENTS,
	TEST_REPLY,
	TEST_AUTO_CLASS,
	TEST_PARENT_TAG,
	TEST_RATE,
};

enum rule_match { MATCH_IS, MATCH_CONTAINS, MATCH_MATCHES, MATCH_REGEX };

enum rule_part { PART_ALL, PART_LOCAL, PART_DOMAIN, PART_NAME, PART_TYPE };

struct rule_key; /* rule_match.c */

struct rule_test {
	enum rule_test_kind kind;
	enum rule_match match;
	enum rule_part part;
	bool is_over;	   /* :over, else :under */
	int64_t number;	   /* behind :over or :under */
	int64_t period_ms; /* of rate */
	GPtrArray *names;  /* char *, lower case */
	GPtrArray *keys;   /* struct rule_key * */
	GPtrArray *tests;  /* struct rule_test *, of TEST_NOT, TEST_ANY, TEST_ALL */
	char *text;	   /* as written */
};

void rule_test_free(void *test);

enum rule_action_kind {
	ACTION_PRIORITY,
	ACTION_TAG,
	ACTION_DEFER,
	ACTION_DEADLINE,
	ACTION_RISK,
	ACTION_HOLD,
	ACTION_QUEUE,
	ACTION_SKIP,
	ACTION_STOP,
};

struct rule_action {
	enum rule_action_kind kind;
	int64_t number; /* priority; ms of defer, deadline and risk */
	char *text;	/* tag, queue */
	char *words;	/* "priority 5", for the history */
};

struct rule {
	uint32_t number;
	struct rule_test *test;
	GArray *actions; /* struct rule_action */
};

struct rules {
	GPtrArray *list;  /* struct rule * */
	uint32_t version; /* of the queue's rules */
	GHashTable
	    *references; /* id of a queue -> struct queue_reference, of those that got mail */
};

/* Calls `each` for each queue that a rule names. */
void rules_each_queue(const struct rules *rules,
		      void (*each)(uint32_t number, const char *queue_name, void *context),
		      void *context);

int rule_parse(const char *text, struct rule *ret_rule, struct error *err);
void rule_free(void *rule);

/* At the first word of a test (rule_parse_test.c), which is read over. */
int rule_parse_test(struct rule_reader *reader, unsigned depth, struct rule_test **ret_test,
		    struct error *err);

/* ---- text (rule_text.c) ---- */

/* How many bytes at the beginning are UTF-8 without NUL, no character divided. */
size_t rule_text_valid(const char *text, size_t size);

/* The text whatever its case, as g_utf8_casefold() makes it. The caller frees it with g_free(). */
char *rule_text_fold(const char *text);

/* ---- comparing (rule_match.c) ---- */

/* A value of a mail, and what it is compared by. */
struct rule_value {
	char *text;
	char *folded; /* NULL until somebody asks for it */
};

struct rule_value *rule_value_new(const char *text, size_t size);
void rule_value_free(void *value);

/* An expression is checked here: CONFIGURATION says what is wrong with it. */
int rule_key_new(enum rule_match match, const char *text, struct rule_key **ret_key,
		 struct error *err);
void rule_key_free(void *key);

/* *ret_gave_up is set, never cleared, where an expression needs too many steps. */
bool rule_key_matches(const struct rule_key *key, enum rule_match match, struct rule_value *value,
		      bool *ret_gave_up);

/* Has the expression a part in parentheses? */
bool rule_key_captures(const struct rule_key *key);

/* What the first of them takes of the value; NULL where the expression does not match. Caller frees with g_free().
 * *ret_gave_up as above. */
char *rule_key_capture(const struct rule_key *key, const struct rule_value *value,
		       bool *ret_gave_up);

/* ---- a mail's values, made when they are first asked for (rule_facts.c) ---- */

enum { RULE_VALUE_MAX = 64 * 1024 };

struct rule_facts {
	const struct rule_mail *mail;
	GHashTable
	    *headers; /* name in lower case -> GPtrArray of struct rule_value; NULL: not read yet */
	GHashTable *addresses[3]; /* by part: "from" -> the same */
	struct rule_value *body;
	GPtrArray *parent_tags; /* of struct rule_value */
	bool gave_up;
};

void rule_facts_open(struct rule_facts *facts, const struct rule_mail *mail);
void rule_facts_close(struct rule_facts *facts);

/* The addresses in a field's text, or the part of them; the caller unreferences the list of struct rule_value. */
GPtrArray *rule_addresses_read(const char *text, enum rule_part part);

/* The address of the sender, in lower case; NULL where the mail has none. Caller frees with g_free(). */
char *rule_mail_sender(const struct entry *entry);

/* The values, which may be none; borrowed. */
const GPtrArray *rule_facts_header(struct rule_facts *facts, const char *name);
const GPtrArray *rule_facts_address(struct rule_facts *facts, const char *name,
				    enum rule_part part);
int rule_facts_body(struct rule_facts *facts, struct rule_value **ret_value, struct error *err);
int rule_facts_parent_tags(struct rule_facts *facts, const GPtrArray **ret_values,
			   struct error *err);

/* Is this a name that `address` knows: from, to, cc, bcc, reply-to? */
bool rule_address_name(const char *name);

/* ---- what a mail is about (rule_reference.c, rules_put.c) ---- */

struct rule_reference;

/* CONFIGURATION says what is wrong with the text. */
int rule_reference_parse(const char *text, struct rule_reference **ret_reference,
			 struct error *err);
void rule_reference_free(void *reference);

/* *ret_found is NULL where the mail says nothing; the caller frees it with g_free(). facts->gave_up is set where
 * the expression needs too many steps. */
int rule_reference_find(const struct rule_reference *reference, struct rule_facts *facts,
			char **ret_found, struct error *err);

/* The same in an entry that is not stored (rules_store.c). */
int rules_find_new(const struct rule_reference *reference, struct store *store,
		   const struct entry *entry, const struct entry_contents *contents,
		   char **ret_found, bool *ret_gave_up, struct error *err);

/* What a queue makes of references. */
struct queue_reference {
	struct rule_reference *reference; /* NULL: nobody looks for one */
	enum work_queue_same same;
};

void queue_reference_free(void *of_queue);

/* Reads it once for each queue; borrowed. */
int rules_reference_of(const struct rules *rules, struct store *store, int64_t queue_id,
		       const struct queue_reference **ret_reference, struct error *err);

/* ---- trying one test (rule_try.c) ---- */

/* Appends what was compared to `shown`; NULL where nobody asks. */
int rule_test_try(const struct rule_test *test, struct rule_facts *facts, bool *ret_true,
		  GString *shown, struct error *err);

#endif
