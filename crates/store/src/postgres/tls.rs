//! TLS towards PostgreSQL: rustls on aws-lc, certificates always verified.
use std::{path::Path, sync::Arc};

use kernel::{Error, Result};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connector that trusts the public authorities and those in the PEM file `authorities`.
pub(super) fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = authorities {
        let unusable = |error| unusable(path, error);
        let mut found = 0;
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(Box::new(error)))? {
            let certificate = certificate.map_err(|error| unusable(Box::new(error)))?;
            roots.add(certificate).map_err(|error| unusable(Box::new(error)))?;
            found += 1;
        }
        if found == 0 {
            return Err(unusable("there is no certificate in it".into()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn unusable(path: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::internal(source).with_detail(format!("The certificate file {} cannot be used.", path.display()))
}
