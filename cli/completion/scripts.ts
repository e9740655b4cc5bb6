/** What a shell evaluates so that it asks `haystack complete`; each says where to put itself. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# In ~/.bashrc: source <(haystack completion bash)
_haystack() {
  local IFS=$'\\n'
  COMPREPLY=($(haystack complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _haystack haystack`,
  zsh: `# In ~/.zshrc, after compinit: source <(haystack completion zsh)
_haystack() {
  local -a found
  found=("\${(@f)$(haystack complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null | cut -f 1)}")
  compadd -a found || _files
}
compdef _haystack haystack`,
  fish: `# haystack completion fish > ~/.config/fish/completions/haystack.fish
complete -c haystack -a '(haystack complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};
