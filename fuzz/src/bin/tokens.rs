//! Fuzzes [`fuzz::tokens`].
fn main() {
    fuzz::drive::<fuzz::tokens::Tokens>();
}
