//! Fuzzes [`fuzz::headers`].
fn main() {
    fuzz::drive::<fuzz::headers::Headers>();
}
