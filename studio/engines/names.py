"""How names and sounds of talk are said, in the misaki alphabet, where spelling misleads the reader of English."""

from __future__ import annotations

# Without accents, in lower case. Vowels: A day, I my, O go, W now, Y boy, i see, u too, ɑ car, ə a, ɜɹ her.
NAMES = """
    aaliyah əlˈiə           aguilar ˌɑɡilˈɑɹ        aisha iˈiʃə             alejandro ˌɑləhˈɑndɹO   alvarez ˈælvəɹɛz
    anais ˌɑnɑˈis           andres ɑndɹˈAs          angel ˈAnʤəl            aoife ˈifə              bjorn bjˈɔɹn
    caoimhe kˈivə           chavez ʃˈɑvɛz           chloe klˈOi             cruz kɹˈuz              diaz dˈiəz
    dominguez dəmˈɪŋɡɛz     esposito ˌɛspəsˈiTO     francoise fɹɑnswˈɑz     garcia ɡɑɹsˈiə          guerrero ɡəɹˈɛɹO
    guillermo ɡiˈɛɹmO       gutierrez ɡuTiˈɛɹɛz     hermione hɜɹmˈIəni      hernandez hɜɹnˈændɛz    herrera əɹˈɛɹə
    ines inˈɛs              jesus hAsˈus            jimenez himˈɛnɛz        joaquin wɑkˈin          jorge hˈɔɹhA
    jose hOzˈA              juarez wˈɑɹɛz           lachlan lˈɑklən         leah lˈiə               lucia lusˈiə
    mateo mətˈAO            morales məɹˈɑləs        munoz munjˈOz           ng ˈɪŋ                  nguyen wˈɪn
    niamh nˈiv              noel nOˈɛl              nunez nˈunjɛz           nunes nˈunɛs            ortiz ɔɹtˈiz
    padraig pˈɔɹɪk          patel pətˈɛl            perez pˈɛɹɛz            pena pˈAnjə             ramirez ɹəmˈɪɹɛz
    renee ɹənˈA             reyes ɹˈAəs             rivera ɹɪvˈɛɹə          roisin ɹOʃˈin           rodriguez ɹɑdɹˈiɡɛz
    sanchez sˈænʧɛz         santiago sˌɑntiˈɑɡO     saoirse sˈɜɹʃə          sean ʃˈɔn               shivani ʃivˈɑni
    sinead ʃɪnˈAd           siobhan ʃɪvˈɔn          sofia sOfˈiə            tadhg tˈIɡ              torres tˈɔɹɛs
    vasquez vˈɑskɛz         velazquez vəlˈɑskɛz     xavier zˈAvjəɹ          xiao ʃˈW                xiaoming ʃWmˈɪŋ
    yusuf jˈusəf            zoe zˈOi                zhang ʤˈɑŋ              zhou ʤˈO                wojciech vˈOɪʧɛk
"""

SOUNDS = """
    aww ˈɔː                 brr bɹɹ                 ew ˈiu                  eww ˈiːu                grr ɡɹɹ
    hm hm                   hmm hmː                 mhm mhˈm                mm mː                   mmm mː
    pfft pft                phew fjˈu               psst pst                sh ʃː                   shh ʃː
    tsk tˈɪsk               ugh ˈʌɡ                 zzz zː                  acai ˌɑsɑˈi             gnocchi njˈɔki
    pho fˈʌ                 quay kˈi                gif ɡˈɪf
"""


def pronunciations(table: str) -> dict[str, str]:
    """Word -> phonemes, from a table of pairs."""
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))
