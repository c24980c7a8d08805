//! Fuzzes [`fuzz::bodies`].
fn main() {
    fuzz::drive::<fuzz::bodies::Bodies>();
}
