"""Kinds of secrets written down from general knowledge, for where no data is present.

Of each: the form that its vendor publishes or that is widely known. They are fewer than the data's, and show that
a benchmark runs rather than how good what it measures is.
"""

from collections.abc import Iterator

from benchmarks.sets.secret_rules import Rule

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

_THREE_DIGITS = "(?:M[DTjz]|N[DTjz]|O[DT])[AEIMQUYcgk][w-z0-5]"
"""Three decimal digits in base64."""

_NUMBER_IN_BASE64 = (
    f"(?:M[Tjz]|N[DTjz]|O[DT])[AEIMQUYcgk][w-z0-5](?:{_THREE_DIGITS}){{4}}"
    f"(?:(?:M[DTjz]|N[DTjz]|O[DT])[AEIMQUYcgk]|{_THREE_DIGITS}|{_THREE_DIGITS}(?:[MN][AQgw]|O[AQ]))"
)
"""A decimal number of 17 to 19 digits in base64 without padding: 23, 24 or 26 characters."""

_ALONE = {
    "aws-access-key-id": "(?:AKIA|ASIA)[A-Z2-7]{16}",
    "github-personal-token": "ghp_[0-9A-Za-z]{36}",
    "github-oauth-token": "gho_[0-9A-Za-z]{36}",
    "github-user-token": "ghu_[0-9A-Za-z]{36}",
    "github-server-token": "ghs_[0-9A-Za-z]{36}",
    "github-refresh-token": "ghr_[0-9A-Za-z]{36}",
    "github-fine-grained-token": "github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}",
    "gitlab-personal-token": "glpat-[0-9A-Za-z_-]{20}",
    "gitlab-deploy-token": "gldt-[0-9A-Za-z_-]{20}",
    "gitlab-runner-token": "glrt-[0-9A-Za-z_-]{20}",
    "gitlab-trigger-token": "glptt-[0-9a-f]{40}",
    "slack-bot-token": "xoxb-[0-9]{11,13}-[0-9]{11,13}-[A-Za-z0-9]{24}",
    "slack-user-token": "xoxp-[0-9]{11,13}-[0-9]{11,13}-[0-9]{11,13}-[0-9a-f]{32}",
    "slack-app-token": "xapp-1-A[A-Z0-9]{10}-[0-9]{13}-[0-9a-f]{64}",
    "slack-webhook-address": "https://hooks\\.slack\\.com/services/T[A-Z0-9]{8,10}/B[A-Z0-9]{8,10}/[A-Za-z0-9]{24}",
    "stripe-live-key": "sk_live_[0-9A-Za-z]{24,99}",
    "stripe-test-key": "sk_test_[0-9A-Za-z]{24,99}",
    "stripe-restricted-key": "rk_live_[0-9A-Za-z]{24,99}",
    "stripe-webhook-secret": "whsec_[0-9A-Za-z]{32}",
    "openai-project-key": "sk-proj-[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}",
    "openai-key": "sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
    "anthropic-key": "sk-ant-api03-[A-Za-z0-9_-]{93}AA",
    "anthropic-admin-key": "sk-ant-admin01-[A-Za-z0-9_-]{93}AA",
    "google-api-key": "AIza[0-9A-Za-z_-]{35}",
    "google-oauth-secret": "GOCSPX-[0-9A-Za-z_-]{28}",
    "google-oauth-token": "ya29\\.[0-9A-Za-z_-]{60,180}",
    "azure-client-secret": "[0-9A-Za-z_~.]{3}8Q~[0-9A-Za-z_~.-]{34}",
    "npm-token": "npm_[0-9A-Za-z]{36}",
    "pypi-token": "pypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{70,180}",
    "rubygems-token": "rubygems_[0-9a-f]{48}",
    "docker-token": "dckr_pat_[0-9A-Za-z_-]{27}",
    "sendgrid-key": "SG\\.[0-9A-Za-z_-]{22}\\.[0-9A-Za-z_-]{43}",
    "twilio-key": "SK[0-9a-f]{32}",
    "twilio-account": "AC[0-9a-f]{32}",
    "mailgun-key": "key-[0-9a-f]{32}",
    "brevo-key": "xkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}",
    "huggingface-token": "hf_[A-Za-z]{34}",
    "replicate-token": "r8_[0-9A-Za-z]{37}",
    "groq-key": "gsk_[0-9A-Za-z]{52}",
    "perplexity-key": "pplx-[0-9A-Za-z]{48}",
    "databricks-token": "dapi[0-9a-f]{32}",
    "digitalocean-token": "dop_v1_[0-9a-f]{64}",
    "doppler-token": "dp\\.pt\\.[0-9A-Za-z]{43}",
    "grafana-service-token": "glsa_[0-9A-Za-z]{32}_[0-9a-f]{8}",
    "hashicorp-vault-token": "hvs\\.[0-9A-Za-z_-]{90,110}",
    "terraform-cloud-token": "[0-9A-Za-z]{14}\\.atlasv1\\.[0-9A-Za-z_-]{67}",
    "heroku-key": "HRKU-AA[0-9A-Za-z_-]{58}",
    "linear-key": "lin_api_[0-9A-Za-z]{40}",
    "new-relic-key": "NRAK-[0-9A-Z]{27}",
    "notion-token": "ntn_[0-9]{11}[0-9A-Za-z]{35}",
    "postman-key": "PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "pulumi-token": "pul-[0-9a-f]{40}",
    "shopify-token": "shpat_[0-9a-f]{32}",
    "shopify-secret": "shpss_[0-9a-f]{32}",
    "square-token": "sq0atp-[0-9A-Za-z_-]{22}",
    "telegram-bot-token": "[0-9]{9,10}:AA[0-9A-Za-z_-]{33}",
    "discord-bot-token": f"{_NUMBER_IN_BASE64}\\.[0-9A-Za-z_-]{{6}}\\.[0-9A-Za-z_-]{{38}}",
    "planetscale-password": "pscale_pw_[0-9A-Za-z_.-]{43}",
    "sentry-token": "sntryu_[0-9a-f]{64}",
    "age-secret-key": "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
}
"""Name -> form, of those known by themselves."""

_NAMED = {
    "aws-secret-key": ("aws", "[0-9A-Za-z/+]{40}"),
    "cloudflare-key": ("cloudflare", "[0-9a-f]{37}"),
    "datadog-key": ("datadog", "[0-9a-f]{40}"),
    "mailchimp-key": ("mailchimp", "[0-9a-f]{32}-us[0-9]{2}"),
    "okta-token": ("okta", "00[0-9A-Za-z_-]{40}"),
    "heroku-api-key": ("heroku", _UUID),
    "azure-storage-key": ("AccountKey|azure", "[0-9A-Za-z+/]{86}=="),
}
"""Name -> what the name of a setting holds, and the form."""

_SHAPED = {
    "private-key": "-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----[^-]{40,}-----END [A-Z ]*KEY(?: BLOCK)?-----",
    "jwt": "\\beyJ[0-9A-Za-z_-]+\\.eyJ[0-9A-Za-z_-]+\\.[0-9A-Za-z_-]{10,}",
}
"""Kinds that are drawn in their shape (`benchmarks.sets.shaped_secrets`)."""


def _rules() -> Iterator[Rule]:
    for name, form in _ALONE.items():
        yield Rule(name, rf"(?:^|[^0-9A-Za-z])({form})(?:[^0-9A-Za-z]|$)")
    for name, (keyword, form) in _NAMED.items():
        # in the words of the data's rules, in which the name that is asked for is found
        yield Rule(
            name,
            rf"[\w.-]{{0,50}}?(?i:{keyword})(?:[ \t\w.-]{{0,20}})['\"]?\s*[:=]+>?[\s'\"`]*({form})(?:[\s'\"`;]|$)",
        )
    for name, expression in _SHAPED.items():
        yield Rule(name, expression)


BY_HAND = tuple(_rules())
