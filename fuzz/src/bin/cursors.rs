//! Fuzzes [`fuzz::cursors`].
fn main() {
    fuzz::drive::<fuzz::cursors::Cursors>();
}
