//! Fuzzes [`fuzz::rules`].
fn main() {
    fuzz::drive::<fuzz::rules::Rules>();
}
