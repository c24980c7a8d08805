//! Fuzzes [`fuzz::apps`].
fn main() {
    fuzz::drive::<fuzz::apps::Apps>();
}
