/** For pages that load their own files from here and nothing else, and run no text. */
export const OWN_FILES_ONLY = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      // What makes a report a document that runs nothing; no other text becomes one.
      trustedTypes: ["report"],
    },
  },
};
