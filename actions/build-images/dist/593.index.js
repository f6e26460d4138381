export const id = 593;
export const ids = [593];
export const modules = {

/***/ 82593:
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   readPrivateKey: () => (/* reexport safe */ _keys_js__WEBPACK_IMPORTED_MODULE_3__.$k),
/* harmony export */   signKeyless: () => (/* binding */ signKeyless),
/* harmony export */   signWithKey: () => (/* binding */ signWithKey)
/* harmony export */ });
/* harmony import */ var node_crypto__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(77598);
/* harmony import */ var node_crypto__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(node_crypto__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _sigstore_bundle__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(61040);
/* harmony import */ var _sigstore_sign__WEBPACK_IMPORTED_MODULE_2__ = __webpack_require__(15179);
/* harmony import */ var _keys_js__WEBPACK_IMPORTED_MODULE_3__ = __webpack_require__(13880);
/* harmony import */ var _statement_js__WEBPACK_IMPORTED_MODULE_4__ = __webpack_require__(69243);






/** Signs with a key of one's own; nothing is sent anywhere. */
function signWithKey(key) {
    const publicKey = (0,node_crypto__WEBPACK_IMPORTED_MODULE_0__.createPublicKey)(key);
    const signer = {
        sign: (data) => Promise.resolve({
            signature: (0,node_crypto__WEBPACK_IMPORTED_MODULE_0__.sign)('sha256', data, key),
            key: {
                $case: 'publicKey',
                publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
                hint: (0,_keys_js__WEBPACK_IMPORTED_MODULE_3__/* .keyId */ .xs)(publicKey),
            },
        }),
    };
    return bundled(signer, []);
}
/**
 * Signs with a key that lives for this one signature. The authority certifies it for the workflow's identity (the job's OIDC token, which
 * needs `id-token: write`), and the log records it: repository, workflow and digest become public.
 */
function signKeyless({ fulcio, rekor, identity } = {}) {
    const signer = new _sigstore_sign__WEBPACK_IMPORTED_MODULE_2__/* .FulcioSigner */ .$o({
        identityProvider: identity ?? new _sigstore_sign__WEBPACK_IMPORTED_MODULE_2__/* .CIContextProvider */ .Zk('sigstore'),
        ...(fulcio === undefined ? {} : { fulcioBaseURL: fulcio }),
        timeout: 30_000,
        retry: 3,
    });
    const witness = new _sigstore_sign__WEBPACK_IMPORTED_MODULE_2__/* .RekorWitness */ .fU({
        ...(rekor === undefined ? {} : { rekorBaseURL: rekor }),
        timeout: 30_000,
        retry: 3,
    });
    return bundled(signer, [witness]);
}
function bundled(signer, witnesses) {
    const builder = new _sigstore_sign__WEBPACK_IMPORTED_MODULE_2__/* .DSSEBundleBuilder */ .VV({ signer, witnesses });
    return async (statement) => {
        const bundle = await builder.create({ data: Buffer.from(JSON.stringify(statement)), type: _statement_js__WEBPACK_IMPORTED_MODULE_4__/* .PAYLOAD_TYPE */ .Uc });
        return `${JSON.stringify((0,_sigstore_bundle__WEBPACK_IMPORTED_MODULE_1__.bundleToJSON)(bundle))}\n`;
    };
}


/***/ })

};
