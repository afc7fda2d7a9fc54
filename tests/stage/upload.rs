//! Uploads as a tus client makes them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Person};

/// An upload that has been created and may be unfinished.
pub struct Upload {
    pub path: String,
    pub id: String,
}

impl Upload {
    /// Announces a file of this length.
    pub async fn create(by: &Person, name: &str, kind: &str, length: usize) -> Answer {
        let metadata = format!("filename {},filetype {}", base64(name), base64(kind));
        let request = by.request(Method::POST, "uploads").header("tus-resumable", "1.0.0");
        let request = request.header("upload-length", length).header("upload-metadata", metadata);
        Answer::read(format!("announcing {name}"), request.send().await.expect("an answer")).await
    }

    /// Where a successful `create` put it.
    pub fn of(created: &Answer) -> Self {
        created.ok();
        let location = created.header("location");
        let (_, path) = location.split_once("/api/v1/").expect("a location of ours");
        let (_, id) = path.rsplit_once('/').expect("an id");
        Self { path: path.to_owned(), id: id.to_owned() }
    }

    /// Sends bytes at an offset.
    pub async fn patch(&self, by: &Person, offset: usize, bytes: &[u8]) -> Answer {
        let request = by.request(Method::PATCH, &self.path).header("tus-resumable", "1.0.0");
        let request = request
            .header("upload-offset", offset)
            .header("content-type", "application/offset+octet-stream");
        let answer = request.body(bytes.to_vec()).send().await.expect("an answer");
        Answer::read(format!("patching at {offset}"), answer).await
    }

    /// Asks how far it has come.
    pub async fn head(&self, by: &Person) -> Answer {
        let request = by.request(Method::HEAD, &self.path).header("tus-resumable", "1.0.0");
        Answer::read("asking for the offset".to_owned(), request.send().await.expect("an answer"))
            .await
    }

    pub async fn give_up(&self, by: &Person) -> Answer {
        let request = by.request(Method::DELETE, &self.path).header("tus-resumable", "1.0.0");
        Answer::read("giving up".to_owned(), request.send().await.expect("an answer")).await
    }

    pub async fn offset(&self, by: &Person) -> usize {
        let head = self.head(by).await;
        head.ok();
        head.header("upload-offset").parse().expect("an offset")
    }

    /// A whole file in one go.
    pub async fn whole(by: &Person, name: &str, kind: &str, bytes: &[u8]) -> Self {
        let upload = Self::of(&Self::create(by, name, kind, bytes.len()).await);
        upload.patch(by, 0, bytes).await.ok();
        upload
    }

    /// The body of a message that carries it.
    pub fn body(&self, kind: &str) -> Value {
        json!({"type": kind, "file_id": self.id})
    }
}

/// Standard base64; three lines of code are less than a dependency.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let word = (0..3)
            .fold(0_u32, |word, index| word << 8 | u32::from(*chunk.get(index).unwrap_or(&0)));
        let letter = |place: usize| match place <= chunk.len() {
            true => ALPHABET[(word >> (18 - 6 * place)) as usize & 63] as char,
            false => '=',
        };
        [0, 1, 2, 3].map(letter)
    };
    text.as_bytes().chunks(3).flat_map(encode).collect()
}
