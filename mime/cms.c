/* OpenSSL decodes an envelope in memory; digests and signatures are compared here, one by one, so that
 * no list in it says how much work there is. */
#include "mime/cms.h"

#include "mime/input.h"

#include <glib.h>
#include <openssl/cms.h>
#include <openssl/cmserr.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CMS_ContentInfo, CMS_ContentInfo_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)

/* A configuration file could have code loaded, and the sandbox would not let it be read. */
void cms_open(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

static CMS_ContentInfo *cms_decode(struct input *input)
{
	if (input->size > CMS_BYTES_MAX)
		return NULL;
	g_autofree unsigned char *bytes = g_malloc(input->size + 1);
	const unsigned char *at = bytes;
	if (!input_bytes(input, 0, bytes, input->size))
		return NULL;
	return d2i_CMS_ContentInfo(NULL, &at, (long)input->size);
}

static enum cms_kind kind_of(CMS_ContentInfo *cms)
{
	switch (OBJ_obj2nid(CMS_get0_type(cms))) {
	case NID_pkcs7_signed:
		return CMS_SIGNED;
	case NID_pkcs7_enveloped:
	case NID_id_smime_ct_authEnvelopedData:
	case NID_pkcs7_encrypted:
		return CMS_ENCRYPTED;
	default:
		return CMS_OTHER;
	}
}

/* --- signatures --------------------------------------------------------------- */

/* Bytes that are signed: those in the envelope, or in a message. */
struct signed_bytes {
	struct sink sink; /* a digest's, while it is made */
	EVP_MD_CTX *digest;
	bool after_cr;
	const ASN1_OCTET_STRING *inside;
	struct input *outside;
	uint64_t begin;
	uint64_t end;
};

/* Lines end in CRLF, whatever they have come in. */
static void lines_write(struct sink *sink, const void *bytes, size_t length)
{
	struct signed_bytes *content = (struct signed_bytes *)sink;
	const unsigned char *at = bytes;
	const unsigned char *end = at + length;

	while (at < end) {
		const unsigned char *newline = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = newline ? newline : end;
		if (stop > at) {
			EVP_DigestUpdate(content->digest, at, (size_t)(stop - at));
			content->after_cr = stop[-1] == '\r';
		}
		if (newline) {
			EVP_DigestUpdate(content->digest, content->after_cr ? "\n" : "\r\n",
					 content->after_cr ? 1 : 2);
			content->after_cr = false;
		}
		at = newline ? newline + 1 : end;
	}
}

/* False where this OpenSSL has not got the digest. */
static bool digest_make(struct signed_bytes *content, const X509_ALGOR *algorithm,
			unsigned char digest[static EVP_MAX_MD_SIZE], unsigned *ret_length)
{
	const ASN1_OBJECT *name = NULL;
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();

	X509_ALGOR_get0(&name, NULL, NULL, algorithm);
	const EVP_MD *kind = EVP_get_digestbyobj(name);
	if (!kind || EVP_DigestInit_ex(context, kind, NULL) != 1)
		return false;
	content->digest = context;
	content->after_cr = false;
	if (content->inside)
		EVP_DigestUpdate(context, ASN1_STRING_get0_data(content->inside),
				 (size_t)ASN1_STRING_length(content->inside));
	else
		input_copy(content->outside, content->begin, content->end, &content->sink);
	return EVP_DigestFinal_ex(context, digest, ret_length) == 1;
}

/* The signature is one of attributes, and one of these is the digest of the content. */
static enum cms_signature signer_check(CMS_SignerInfo *signer, struct signed_bytes *content)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	X509_ALGOR *algorithm = NULL;
	X509 *certificate = NULL;
	const ASN1_OBJECT *name = OBJ_nid2obj(NID_pkcs9_messageDigest);
	const ASN1_OCTET_STRING *expected =
	    CMS_signed_get0_data_by_OBJ(signer, name, -3, V_ASN1_OCTET_STRING);

	CMS_SignerInfo_get0_algs(signer, NULL, &certificate, &algorithm, NULL);
	if (!expected || !algorithm || !digest_make(content, algorithm, digest, &length))
		return CMS_NOT_VERIFIED;
	if ((unsigned)ASN1_STRING_length(expected) != length ||
	    memcmp(ASN1_STRING_get0_data(expected), digest, length) != 0)
		return CMS_BROKEN;
	if (!certificate || CMS_SignerInfo_verify(signer) == 1)
		return CMS_NOT_VERIFIED;
	return ERR_GET_REASON(ERR_peek_last_error()) == CMS_R_VERIFICATION_FAILURE
		   ? CMS_BROKEN
		   : CMS_NOT_VERIFIED;
}

static enum cms_signature signers_check(CMS_ContentInfo *cms, uint64_t overhead,
					struct signed_bytes *content)
{
	STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
	enum cms_signature worst = CMS_NOT_VERIFIED;

	if (overhead > CMS_OVERHEAD_MAX || sk_CMS_SignerInfo_num(signers) > CMS_SIGNERS_MAX)
		return CMS_NOT_VERIFIED;
	CMS_set1_signers_certs(cms, NULL, 0);
	for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++) {
		ERR_clear_error();
		if (signer_check(sk_CMS_SignerInfo_value(signers, i), content) == CMS_BROKEN)
			worst = CMS_BROKEN;
	}
	return worst;
}

/* --- envelopes ---------------------------------------------------------------- */

/* What was signed is handed on even where the signature is broken: people want to read the mail. */
enum cms_kind cms_read(struct input *input, struct sink *sink, enum cms_signature *ret_signature)
{
	g_autoptr(CMS_ContentInfo) cms = cms_decode(input);
	struct signed_bytes content = {0};

	if (!cms)
		return CMS_UNREADABLE;
	enum cms_kind kind = kind_of(cms);
	if (kind != CMS_SIGNED)
		return kind;
	ASN1_OCTET_STRING **place = CMS_get0_content(cms);
	if (!place || !*place)
		return CMS_CERTIFICATES;
	content.inside = *place;
	size_t length = (size_t)ASN1_STRING_length(content.inside);
	*ret_signature = signers_check(cms, input->size - MIN(input->size, length), &content);
	sink_write(sink, ASN1_STRING_get0_data(content.inside), length);
	return CMS_SIGNED;
}

/* A signature beside its content is small. */
enum cms_kind cms_check(struct input *signature, struct input *outside, uint64_t begin,
			uint64_t end, enum cms_signature *ret_signature)
{
	struct signed_bytes content = {
	    .sink = {lines_write}, .outside = outside, .begin = begin, .end = end};
	g_autoptr(CMS_ContentInfo) cms =
	    signature->size <= CMS_OVERHEAD_MAX ? cms_decode(signature) : NULL;

	if (!cms || kind_of(cms) != CMS_SIGNED)
		return CMS_UNREADABLE;
	*ret_signature = signers_check(cms, signature->size, &content);
	return CMS_SIGNED;
}
