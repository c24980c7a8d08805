//! Which addresses a server may call on behalf of others: public ones, and those of networks that were allowed.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Not of the public internet, by the IANA special-purpose registries (RFC 6890 and later), multicast and 240.0.0.0/4.
const SPECIAL_V4: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Clouds answer there with the credentials of the machine.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];

/// Parts of `2000::/3` that are not of the public internet. Everything outside `2000::/3` is not either.
const SPECIAL_V6: [([u16; 3], u32); 4] =
    [([0x2001, 0, 0], 23), ([0x2001, 0xdb8, 0], 32), ([0x2620, 0x4f, 0x8000], 48), ([0x3fff, 0, 0], 20)];

/// Whether an address is of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    may_call(address, &[])
}

/// Whether `address` may be called. An address that stands for another, as `::ffff:127.0.0.1` for `127.0.0.1`, is judged as that one.
pub(super) fn may_call(address: IpAddr, allowed: &[IpNet]) -> bool {
    let meant = meant(address);
    let is_allowed = |address: &IpAddr| allowed.iter().any(|network| network.contains(address));
    if is_allowed(&address) || is_allowed(&meant) {
        return true;
    }
    match meant {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IPv4 address inside an IPv6 one: mapped and compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056), SIIT (RFC 2765).
fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |[one, two]: [u16; 2]| IpAddr::V4(Ipv4Addr::from_bits(u32::from(one) << 16 | u32::from(two)));
    match v6.segments() {
        // `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4([high, low]),
        _ => address,
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !SPECIAL_V4.iter().any(|(network, length)| {
        let shift = 32 - u32::from(*length);
        bits >> shift == Ipv4Addr::from(*network).to_bits() >> shift
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let lies_in = |[a, b, c]: [u16; 3], length: u32| {
        let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_bits();
        bits >> (128 - length) == network >> (128 - length)
    };
    lies_in([0x2000, 0, 0], 3) && !SPECIAL_V6.iter().any(|(network, length)| lies_in(*network, *length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(address: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<IpNet> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        may_call(address.parse().unwrap(), &allowed)
    }

    #[test]
    fn public_addresses_may_be_called() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(may(address, &[]), "{address}");
        }
    }

    /// And its spellings in IPv6, which is how CVE-2026-35409 of Directus got through.
    #[test]
    fn addresses_that_are_not_public_may_not() {
        for v4 in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!may(v4, &[]), "{v4}");
            let [a, b, c, d] = v4.parse::<Ipv4Addr>().unwrap().octets();
            for v6 in [
                format!("::ffff:{v4}"),
                format!("::ffff:0:{v4}"),
                format!("64:ff9b::{v4}"),
                format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1"),
            ] {
                assert!(!may(&v6, &[]), "{v6}");
            }
        }
        for v6 in [
            "::",
            "::1",
            "::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!may(v6, &[]), "{v6}");
        }
    }

    #[test]
    fn allowed_networks_are_the_exception() {
        assert!(may("10.1.2.3", &["10.0.0.0/8"]));
        assert!(may("::ffff:10.1.2.3", &["10.0.0.0/8"]));
        assert!(!may("192.168.0.1", &["10.0.0.0/8"]));
        assert!(may("fd00::1", &["fd00::/8"]));
    }
}
