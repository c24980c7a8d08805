//! Whose address counts: the peer's, or what trusted proxies say of it.
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The only header read. `Forwarded` and `X-Real-IP` are ignored: a proxy sets one of them and passes on the others as they came.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Walks `X-Forwarded-For` from the right for as long as the address reached is a trusted proxy's: each entry was added by the
/// address to its right. An entry that is no address stops the walk. IPv4 in IPv6 counts as IPv4.
pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut reached = peer.to_canonical();
    if trusted.is_empty() || !is_trusted(&reached) {
        return reached;
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>();
    for line in lines.into_iter().rev() {
        let Ok(line) = line.to_str() else { return reached };
        for entry in line.rsplit(',') {
            let Some(address) = parse(entry.trim()) else { return reached };
            reached = address;
            if !is_trusted(&reached) {
                return reached;
            }
        }
    }
    reached
}

/// An address, with or without a port; IPv6 also in brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn walked(peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers.append("x-real-ip", HeaderValue::from_static("6.6.6.6"));
        headers.append("forwarded", HeaderValue::from_static("for=6.6.6.6"));
        of(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(walked("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
    }

    #[test]
    fn a_spoofed_leftmost_entry_is_not_reached() {
        assert_eq!(walked("10.0.0.1", &["6.6.6.6, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(walked("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(walked("10.0.0.1", &["6.6.6.6", "203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn malformed_entries_stop_the_walk() {
        assert_eq!(walked("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(walked("10.0.0.1", &["203.0.113.9, , 10.0.0.2"]), "10.0.0.2");
        assert_eq!(walked("10.0.0.1", &["203.0.113.9", "é"]), "10.0.0.1");
        assert_eq!(walked("10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn spellings_of_addresses() {
        assert_eq!(walked("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(walked("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(walked("fd00::1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(walked("10.0.0.1", &["203.0.113.9:51000"]), "203.0.113.9");
    }

    #[test]
    fn proxies_all_the_way_give_the_farthest() {
        assert_eq!(walked("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(walked("10.0.0.1", &[]), "10.0.0.1");
    }
}
