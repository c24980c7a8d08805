//! Twilio's Messages resource, version 2010-04-01: <https://www.twilio.com/docs/messaging/api/message-resource>.
use std::{fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::Secret;
use serde_json::Value as Json;
use web::{
    HeaderMap, Outbound, Request, StatusCode, header,
    outbound::{Bounds, Fault},
};

use crate::outbox::Failure;

/// Answers are short.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(15), size: 64 << 10 };

/// An account at Twilio.
pub struct Twilio {
    /// `https://api.twilio.com`, no slash at the end.
    pub base: String,
    pub account_sid: String,
    pub auth_token: Secret<String>,
    /// A number of the account's, or a messaging service (`MG...`).
    pub from: String,
    pub outbound: Outbound,
}

impl Twilio {
    pub(super) async fn send(&self, to: &str, text: &str) -> Result<(), Failure> {
        let form = form(&[("To", to), (sender(&self.from), &self.from), ("Body", text)]);
        let credentials = Secret::new(format!("{}:{}", self.account_sid, self.auth_token.expose()));
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", self.base, self.account_sid);
        let request = Request::post(url)
            .header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(credentials.expose())))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form.into());
        let request = request.map_err(|_| Failure::permanent("sms.account_sid or sms.auth_token is malformed"))?;
        let answer = self.outbound.send(request, BOUNDS).await.map_err(|fault| unreachable(&fault))?;
        judged(answer.status(), answer.headers(), answer.body())
    }
}

/// The field that `from` goes in. A messaging service is `MG` and 32 hexadecimal digits; a sender's name may begin like that.
fn sender(from: &str) -> &'static str {
    let digits = from.strip_prefix("MG").unwrap_or_default();
    let is_service = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_service { "MessagingServiceSid" } else { "From" }
}

fn unreachable(fault: &Fault) -> Failure {
    // An answer that cannot be read does not say that nothing was sent; an SMS twice is better than none.
    Failure::retry(format!("Twilio: {fault}"))
}

/// 4xx is about the message and stays, but for 429 and 408; 5xx passes. Twilio's own number says more than the status:
/// <https://www.twilio.com/docs/api/errors>. Its words are not kept: they repeat the number of the telephone.
fn judged(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let code = serde_json::from_slice::<Json>(body).ok().and_then(|json| json["code"].as_u64());
    let mut reason = format!("Twilio answered {}", status.as_u16());
    if let Some(code) = code {
        // Writing to a String cannot fail.
        let _ = write!(reason, ", error {code}");
    }
    let passes = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
        || status.is_redirection();
    if !passes {
        return Err(Failure::permanent(reason));
    }
    let after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Err(Failure::Retry { reason: reason.into(), after: after.map(Duration::from_secs) })
}

/// `application/x-www-form-urlencoded`.
fn form(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => form.push(char::from(byte)),
                b' ' => form.push('+'),
                _ => {
                    let _ = write!(form, "%{byte:02X}");
                }
            }
        }
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped() {
        assert_eq!(
            form(&[("To", "+15551234567"), ("Body", "a b&c=é\n")]),
            "To=%2B15551234567&Body=a+b%26c%3D%C3%A9%0A"
        );
    }

    #[test]
    fn services_are_told_from_names() {
        assert_eq!(sender("MG0123456789abcdef0123456789ABCDEF"), "MessagingServiceSid");
        for from in ["MGSHOP", "+15550000000", "12345", "MG0123456789abcdef0123456789ABCDEX"] {
            assert_eq!(sender(from), "From", "{from}");
        }
    }

    #[test]
    fn failures_pass_or_stay() {
        let judge = |status: u16, retry_after: Option<&str>, body: &str| {
            let mut headers = HeaderMap::new();
            if let Some(after) = retry_after {
                headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            }
            judged(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes())
        };
        let body = r#"{"code": 21211, "message": "The 'To' number +1555 is not valid", "status": 400}"#;
        assert_eq!(judge(201, None, "{}"), Ok(()));
        assert_eq!(judge(400, None, body), Err(Failure::permanent("Twilio answered 400, error 21211")));
        for status in [401, 403, 404] {
            assert!(matches!(judge(status, None, ""), Err(Failure::Permanent { .. })), "{status}");
        }
        for status in [302, 408, 429, 500, 502, 503] {
            assert!(matches!(judge(status, None, "<html>"), Err(Failure::Retry { after: None, .. })), "{status}");
        }
        let after = Some(Duration::from_secs(30));
        assert!(matches!(judge(429, Some("30"), ""), Err(Failure::Retry { after: found, .. }) if found == after));
    }
}
